/** What is asked of texts and objects everywhere. */

export const isString = (value: unknown): value is string => typeof value === "string";
export const isObject = (value: unknown): value is Record<string, any> =>
  !!value && typeof value === "object" && !Array.isArray(value);

/** A field of an object's own: `constructor` and `__proto__` are names like any other. */
export const own = (fields: object, name: string): any =>
  ({}).hasOwnProperty.call(fields, name) ? (fields as Record<string, unknown>)[name] : undefined;

/** Throw: the message names what is wrong, for whoever looks. */
export const refuse = (what: string): never => {
  throw Error("bad " + what);
};

/** Set by the build: whether this is the file for pages, where size comes before speed. */
declare const PAGE: boolean;

/** UTF-8 as a text of bytes. Throws for a lone surrogate. */
export const toBytes = (text: string): string => (PAGE || /[^\0-\x7f]/.test(text) ? unescape(encodeURIComponent(text)) : text);

/** The text that is hashed for a unit, or null: 1 to 256 code points that have a UTF-8; whole numbers become texts. */
export const normaliseUnit = (unit: unknown): string | null => {
  const given = Number.isSafeInteger(unit) || typeof unit === "bigint" ? "" + unit : unit;
  return isString(given) && /^[^\ud800-\udfff]{1,256}$/u.test(given) ? given : null;
};
