/** Identity tokens, as far as a holder without the secret can read them. */

/** The unit that a token names, or null for what is no token. Only the platform can check it. */
export const tokenUnit = (token: unknown): string | null => {
  const found = typeof token === "string" && /^abi1\.([\w-]+)\./.exec(token);
  try {
    return (found && decodeURIComponent(escape(atob(found[1]!.replace(/-/g, "+").replace(/_/g, "/")).slice(6)))) || null;
  } catch {
    return null;
  }
};
