import { OFREPWebProvider, type OFREPWebProviderOptions } from "@openfeature/ofrep-web-provider";
import type { EvaluationContext, Hook, Logger, TrackingEventDetails } from "@openfeature/web-sdk";
import type { Recorder, RecorderOptions } from "./recorder.mjs";

export declare class AbplatWebProvider extends OFREPWebProvider {
  readonly recorder: Recorder;
  readonly hooks: Hook[];
  constructor(options: OFREPWebProviderOptions & RecorderOptions, logger?: Logger);
  track(name: string, context: EvaluationContext, details?: TrackingEventDetails): void;
  onClose(): Promise<void>;
}
