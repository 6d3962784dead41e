import { OFREPProvider, type OFREPProviderOptions } from "@openfeature/ofrep-provider";
import type { EvaluationContext, Hook, TrackingEventDetails } from "@openfeature/server-sdk";
import type { Recorder, RecorderOptions } from "./recorder.mjs";

export declare class AbplatProvider extends OFREPProvider {
  readonly recorder: Recorder;
  readonly hooks: Hook[];
  constructor(options: OFREPProviderOptions & RecorderOptions);
  track(name: string, context: EvaluationContext, details?: TrackingEventDetails): void;
  onClose(): Promise<void>;
}
