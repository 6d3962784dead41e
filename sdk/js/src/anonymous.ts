/** What a browser adds: an anonymous id on the parent domain, and a last word when the page is left. */

import { makeId } from "./records.js";

/** Read the id from the cookie or the storage, or mint one; write it to the widest domain that takes it. */
export const findAnonymousId = (store: Record<string, any>): string => {
  const read = (): string | undefined => /\babplat_id=(anon:[\w-]+)/.exec(document.cookie)?.[1];
  const id = read() || store.abplat_id || "anon:" + makeId();
  const labels = location.hostname.split(".");
  for (let from = labels.length; read() !== id && from >= 0; from--) // parents first: browsers refuse public suffixes
    document.cookie = `abplat_id=${id};path=/;max-age=34560000;samesite=lax${from ? ";domain=" + labels.slice(from - 1).join(".") : ""}`;
  try {
    store.abplat_id = id;
  } catch {} // the cookie has to do
  return id;
};

/** Hand over what waits when the page is hidden or left, which may be the last that is heard of it. */
export const whenLeaving = (hand: (send: (url: string, body: string) => void) => void): void => {
  const leave = (): void =>
    hand((url, body) => {
      if (!navigator.sendBeacon?.(url, body)) fetch(url, { method: "POST", body, keepalive: true }).catch(() => {});
    });
  addEventListener("pagehide", leave);
  document.addEventListener("visibilitychange", () => document.hidden && leave());
};
