/** For services in the foreground. */
const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** Resolves at the first of them; what comes while the service ends is ignored. */
export async function untilSignal(): Promise<void> {
  const stop = Promise.withResolvers<void>();
  for (const signal of signals) process.on(signal, () => stop.resolve());
  await stop.promise;
}
