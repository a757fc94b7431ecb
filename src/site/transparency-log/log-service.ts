/** A log that is served: HTTP, and a checkpoint at intervals. */
import { ScansealError } from "../../foundation/errors.ts";
import { entriesOf } from "../../provenance/transparency-log/proof/entry-bundle.ts";
import { tileNameOf } from "../../provenance/transparency-log/proof/tile.ts";
import { startLogServer } from "../../web-api/transparency-log/log-server.ts";
import type { OpenLog } from "./log-folder.ts";

export interface LogServiceOptions {
  readonly host: string;
  readonly port: number;
  /** How often new entries come under a checkpoint. */
  readonly intervalMs: number;
  readonly token: string | undefined;
  /** A checkpoint could not be made or published; tried again at the next interval. Each problem is told once in a row. */
  readonly onProblem: (error: ScansealError) => void;
}

export interface LogService {
  readonly port: number;
  /** What was acknowledged comes under a checkpoint first, if it can. */
  close(): Promise<void>;
}

const entriesMax = 4_096;

/** @throws ScansealError `network` */
export async function serveLog(
  { sequencer, tiles }: OpenLog,
  options: LogServiceOptions,
): Promise<LogService> {
  let told: string | undefined;
  const tell = (problem: ScansealError | undefined): void => {
    if (problem && problem.message !== told) options.onProblem(problem);
    told = problem?.message;
  };
  const publishNow = async (): Promise<void> => {
    try {
      await sequencer.publish();
      tell(sequencer.problem);
    } catch (error) {
      tell(
        error instanceof ScansealError
          ? error
          : new ScansealError("internal", "publishing failed", { cause: error }),
      );
    }
  };
  const server = await startLogServer({
    host: options.host,
    port: options.port,
    token: options.token,
    checkpoint: () => sequencer.published,
    tile: async (path) => {
      const name = tileNameOf(path);
      return name && (await tiles.read(name));
    },
    append: async (bundle) => sequencer.append(entriesOf(bundle, entriesMax)),
  });
  let publishing: Promise<void> | undefined;
  // One at a time: a witness may take longer than an interval.
  const publish = (): Promise<void> => {
    publishing ??= publishNow().finally(() => {
      publishing = undefined;
    });
    return publishing;
  };
  await publish();
  const timer = setInterval(() => void publish(), options.intervalMs);
  return {
    port: server.port,
    close: async () => {
      clearInterval(timer);
      await server.close();
      await publishing;
      await publish();
    },
  };
}
