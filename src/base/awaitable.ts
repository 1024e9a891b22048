/** A value, or a promise of it: the result of a function that may be asynchronous. */
export type Awaitable<T> = T | Promise<T>;
