/** Loaded before a gateway's own program (--import), in tests alone: SIGUSR2 ends its examining threads wherever they are. */
import { syncBuiltinESMExports } from "node:module";
import workerThreads, { type WorkerOptions } from "node:worker_threads";

const examiners = new Set<workerThreads.Worker>();

class WatchedWorker extends workerThreads.Worker {
  constructor(program: URL | string, options: WorkerOptions = {}) {
    super(program, options);
    if (options.name !== "scanseal-examiner") return;
    examiners.add(this);
    this.once("exit", () => examiners.delete(this));
  }
}

workerThreads.Worker = WatchedWorker;
syncBuiltinESMExports();
process.on("SIGUSR2", () => {
  for (const worker of examiners) void worker.terminate();
});
