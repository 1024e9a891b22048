/** The byte stream below the frames, which a backend provides: the container's stdin and stdout. */
export interface Transport {
  /**
   * Queues bytes for the agent's stdin; `more` follows the first directly. The protocol's credits bound the queue. The
   * buffers must not change afterwards.
   */
  write(bytes: Uint8Array, more?: Uint8Array): void;
  /** Sets the handlers for the agent's output. Called once, before the container starts. */
  receive(handlers: TransportHandlers): void;
  /** Closes the pipe at once: the agent's stdin ends and it exits. Idempotent. */
  destroy(): void;
  /** Makes the pipe keep the host process alive; `unref` undoes it. */
  ref(): void;
  unref(): void;
}

export interface TransportHandlers {
  data(bytes: Buffer): void;
  /** Receives the agent's stderr, which it uses for fatal errors. */
  diagnostics(text: string): void;
  /** Called once, as the last handler. */
  close(cause: Error | undefined): void;
}
