// The OFREP provider for pages, with track() and exposures. Options: those of OFREPWebProvider, and
// expose (default true) and flushMs (default 1000).

import { OFREPWebProvider } from "@openfeature/ofrep-web-provider";
import { Recorder } from "./recorder.mjs";

export class AbplatWebProvider extends OFREPWebProvider {
  constructor({ expose = true, flushMs, ...options }, logger) {
    super(options, logger);
    this.recorder = new Recorder(options, { flushMs, storage: findStorage() });
    this.hooks = expose ? [this.recorder.hook] : [];
    this._leave = ({ type }) => (type === "pagehide" || document.hidden) && this.recorder.leave();
    globalThis.addEventListener?.("pagehide", this._leave);
    globalThis.document?.addEventListener("visibilitychange", this._leave); // on telephones nothing else may follow
  }

  track(name, context, details) {
    this.recorder.track(name, context, details);
  }

  async onClose() {
    globalThis.removeEventListener?.("pagehide", this._leave);
    globalThis.document?.removeEventListener("visibilitychange", this._leave);
    await super.onClose();
    await this.recorder.flush();
  }
}

function findStorage() {
  try {
    return globalThis.localStorage;
  } catch {
    return undefined; // a page in a box of another origin may not
  }
}
