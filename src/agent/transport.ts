/** The byte stream under the frames, as a backend hands it over: the container's stdin and stdout, nothing else. */
export interface Transport {
  /**
   * Queues bytes for the agent's stdin, `more` right behind the first. What may be queued is bounded by the protocol's
   * credits. The buffers must not change afterwards.
   */
  write(bytes: Uint8Array, more?: Uint8Array): void;
  /** Sets who takes what the agent says. Called once, before the container starts. */
  receive(handlers: TransportHandlers): void;
  /** Closes the pipe at once: the agent sees the end of its stdin and exits. Idempotent. */
  destroy(): void;
  /** Whether the pipe keeps the host process alive. */
  ref(): void;
  unref(): void;
}

export interface TransportHandlers {
  data(bytes: Buffer): void;
  /** The agent's stderr: what it has to say when it cannot go on. */
  diagnostics(text: string): void;
  /** Comes once, last. */
  close(cause: Error | undefined): void;
}
