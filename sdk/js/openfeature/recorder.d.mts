export interface RecorderOptions {
  /** Record an exposure when a flag has been evaluated for a unit in the experiment; true by default. */
  expose?: boolean;
  /** Longest time in milliseconds that an event waits while all is well; 1000 by default. */
  flushMs?: number;
}

export declare class Recorder {
  readonly waiting: number;
  readonly dropped: number;
  readonly refused: number;
  flush(): Promise<number>;
}
