/** A gateway as a process: its lines, its signals, its end. */
import { createServer } from "node:net";
import type { Workplace } from "./scanseal-process.ts";

export interface GatewayRun {
  /** Resolves with what was printed so far, once it fits; rejects when the process ended before. */
  until(pattern: RegExp | ((output: string) => boolean)): Promise<string>;
  signal(name: NodeJS.Signals): void;
  /** Resolves with the end. */
  readonly ended: Promise<{
    readonly status: number | null;
    readonly output: string;
    readonly errors: string;
  }>;
}

export function startGateway(place: Workplace, ...args: readonly string[]): GatewayRun {
  const child = place.startPiped(...args);
  let output = "";
  let errors = "";
  const waiting = new Set<() => void>();
  const changed = (): void => {
    for (const look of waiting) look();
  };
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    output += text;
    changed();
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    errors += text;
    changed();
  });
  let isOver = false;
  const ended = new Promise<Awaited<GatewayRun["ended"]>>((resolve) => {
    child.once("close", (status) => {
      isOver = true;
      resolve({ status, output, errors });
      changed();
    });
  });
  return {
    ended,
    signal: (name) => void child.kill(name),
    until: (pattern) =>
      new Promise((resolve, reject) => {
        const fits = (): boolean => (pattern instanceof RegExp ? pattern.test(output) : pattern(output));
        const look = (): void => {
          if (!fits() && !isOver) return;
          waiting.delete(look);
          if (fits()) resolve(output);
          else reject(new Error(`the gateway ended: ${output}${errors}`));
        };
        waiting.add(look);
        look();
      }),
  };
}

/** Free when asked for. */
export async function freePorts(): Promise<{ readonly dicom: number; readonly http: number }> {
  const servers = [createServer(), createServer()];
  const ports = await Promise.all(
    servers.map(
      (server) =>
        new Promise<number>((resolve) => {
          server.listen(0, "127.0.0.1", () => resolve((server.address() as { port: number }).port));
        }),
    ),
  );
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return { dicom: ports[0]!, http: ports[1]! };
}
