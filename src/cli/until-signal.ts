/** For services in the foreground. */
const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** Resolves at the first of them; what comes while the service ends is ignored. Called before anybody is told that the service runs. */
export function untilSignal(): Promise<void> {
  const stop = Promise.withResolvers<void>();
  for (const signal of signals) process.on(signal, () => stop.resolve());
  return stop.promise;
}
