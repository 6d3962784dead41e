// The OFREP provider for servers, with track() and exposures. Options: those of OFREPProvider, and
// expose (default true) and flushMs (default 1000).

import { OFREPProvider } from "@openfeature/ofrep-provider";
import { Recorder } from "./recorder.mjs";

export class AbplatProvider extends OFREPProvider {
  constructor({ expose = true, flushMs, ...options }) {
    super(options);
    this.recorder = new Recorder(options, { flushMs });
    this.hooks = expose ? [this.recorder.hook] : [];
  }

  track(name, context, details) {
    this.recorder.track(name, context, details);
  }

  async onClose() {
    await this.recorder.flush();
  }
}
