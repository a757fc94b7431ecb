/** Orthanc and DCMTK's storage tools on free ports of this machine: files in, files out. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { join } from "node:path";
import type { Bytes } from "../../src/foundation/bytes.ts";
import { peerPath } from "../peers.ts";
import type { Operation } from "./benign-operations.ts";

export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address ? address.port : 0));
    });
  });
}

/** Resolves when something listens: tried again until then, for the processes say nothing that all versions say alike. */
export async function listening(port: number, process: ChildProcess): Promise<void> {
  for (let tries = 0; tries < 400; tries++) {
    if (process.exitCode !== null) throw new Error(`the peer on port ${port} ended`);
    const open = await new Promise<boolean>((resolve) => {
      const socket = connect(port, "127.0.0.1", () => {
        socket.destroy();
        resolve(true);
      });
      socket.on("error", () => setTimeout(resolve, 50, false));
    });
    if (open) return;
  }
  throw new Error(`nothing listens on port ${port}`);
}

/** Without it the DCMTK of Orthanc and storescu waits 40 ms for every small packet. */
const env = { ...process.env, TCP_NODELAY: "1" };

export class NetworkPeers {
  readonly #work: string;
  readonly #processes: ChildProcess[] = [];
  #http = 0;
  #dicom = 0;
  #receiver = 0;

  constructor(work: string) {
    this.#work = work;
  }

  async start(): Promise<void> {
    this.#receiver = await freePort();
    mkdirSync(this.#inbox, { recursive: true });
    await this.#spawn(
      peerPath("storescp"),
      [
        "+xa",
        "--output-directory",
        this.#inbox,
        "-aet",
        "SINK",
        "--write-xfer-same",
        `${this.#receiver}`,
      ].filter((o) => o !== "--write-xfer-same"),
      this.#receiver,
    );
    this.#http = await freePort();
    this.#dicom = await freePort();
    const configuration = {
      StorageDirectory: join(this.#work, "orthanc"),
      IndexDirectory: join(this.#work, "orthanc"),
      Plugins: [],
      HttpServerEnabled: true,
      HttpPort: this.#http,
      DicomPort: this.#dicom,
      DicomAet: "ORTHANC",
      RemoteAccessAllowed: false,
      AuthenticationEnabled: false,
      UnknownSopClassAccepted: true,
      DicomModalities: { sink: ["SINK", "127.0.0.1", this.#receiver] },
      DicomAlwaysAllowStore: true,
      OverwriteInstances: true,
    };
    const path = join(this.#work, "orthanc.json");
    writeFileSync(path, JSON.stringify(configuration));
    await this.#spawn(peerPath("Orthanc"), [path], this.#http);
    await listening(this.#dicom, this.#processes.at(-1)!);
  }

  get #inbox(): string {
    return join(this.#work, "inbox");
  }

  async #spawn(program: string, options: readonly string[], port: number): Promise<void> {
    const child = spawn(program, [...options], { stdio: "ignore", env });
    this.#processes.push(child);
    await listening(port, child);
  }

  async close(): Promise<void> {
    for (const child of this.#processes) {
      const ended = new Promise((resolve) => child.once("exit", resolve));
      if (child.exitCode === null && child.kill()) await ended;
    }
  }

  async #upload(bytes: Bytes): Promise<string | undefined> {
    const body = new Uint8Array(bytes);
    const answer = await fetch(`http://127.0.0.1:${this.#http}/instances`, { method: "POST", body });
    if (!answer.ok) return undefined;
    return ((await answer.json()) as { ID?: string }).ID;
  }

  async #download(id: string): Promise<Bytes> {
    const answer = await fetch(`http://127.0.0.1:${this.#http}/instances/${id}/file`);
    return new Uint8Array(await answer.arrayBuffer());
  }

  async #forget(id: string): Promise<void> {
    await fetch(`http://127.0.0.1:${this.#http}/instances/${id}`, { method: "DELETE" });
  }

  /** Orthanc's REST interface; undefined where it declines. */
  async request(
    method: "GET" | "POST" | "DELETE",
    path: string,
    body?: Bytes | object,
    accept = "*/*",
  ): Promise<Bytes | undefined> {
    const answer = await fetch(`http://127.0.0.1:${this.#http}${path}`, {
      method,
      headers: { accept },
      ...(body && { body: body instanceof Uint8Array ? new Uint8Array(body) : JSON.stringify(body) }),
    });
    return answer.ok ? new Uint8Array(await answer.arrayBuffer()) : undefined;
  }

  #send(bytes: Bytes, title: string, port: number): boolean {
    const path = join(this.#work, "send.dcm");
    writeFileSync(path, bytes);
    const options = [
      "-R",
      "-xf",
      storescuProfiles(this.#work),
      "Any",
      "-aec",
      title,
      "127.0.0.1",
      `${port}`,
      path,
    ];
    const plain = ["-R", "-aec", title, "127.0.0.1", `${port}`, path];
    const run = spawnSync(peerPath("storescu"), plain, { stdio: "ignore", env, timeout: 60_000 });
    if (run.status === 0) return true;
    return spawnSync(peerPath("storescu"), options, { stdio: "ignore", env, timeout: 60_000 }).status === 0;
  }

  /** The one file that has arrived. */
  #received(): Bytes | undefined {
    const [name] = readdirSync(this.#inbox);
    if (name === undefined) return undefined;
    const bytes = new Uint8Array(readFileSync(join(this.#inbox, name)));
    rmSync(join(this.#inbox, name));
    return bytes;
  }

  readonly operations: readonly Operation[] = [
    {
      name: "Orthanc, REST in and out",
      peers: ["Orthanc"],
      apply: async (bytes) => {
        const id = await this.#upload(bytes);
        if (id === undefined) return undefined;
        const back = await this.#download(id);
        await this.#forget(id);
        return back;
      },
    },
    {
      name: "C-STORE to Orthanc, C-STORE to storescp",
      peers: ["Orthanc", "storescu", "storescp"],
      apply: async (bytes) => {
        if (!this.#send(bytes, "ORTHANC", this.#dicom)) return undefined;
        const list = (await (await fetch(`http://127.0.0.1:${this.#http}/instances`)).json()) as string[];
        const id = list[0];
        if (id === undefined) return undefined;
        const url = `http://127.0.0.1:${this.#http}/modalities/sink/store`;
        const sent = await fetch(url, { method: "POST", body: id });
        await this.#forget(id);
        const arrived = this.#received();
        return sent.ok ? arrived : undefined;
      },
    },
    {
      name: "storescu to storescp",
      peers: ["storescu", "storescp"],
      apply: async (bytes) => (this.#send(bytes, "SINK", this.#receiver) ? this.#received() : undefined),
    },
  ];
}

/** storescu proposes what the file is in only when it is told. */
function storescuProfiles(work: string): string {
  const path = join(work, "storescu.cfg");
  const uids = [
    "1.2.840.10008.1.2.4.50",
    "1.2.840.10008.1.2.4.51",
    "1.2.840.10008.1.2.4.57",
    "1.2.840.10008.1.2.4.70",
    "1.2.840.10008.1.2.4.80",
    "1.2.840.10008.1.2.4.81",
    "1.2.840.10008.1.2.4.90",
    "1.2.840.10008.1.2.4.91",
    "1.2.840.10008.1.2.4.201",
    "1.2.840.10008.1.2.5",
    "1.2.840.10008.1.2.1",
    "1.2.840.10008.1.2",
  ];
  const classes = [...new Set(sopClasses)];
  const lines = [
    "[[TransferSyntaxes]]",
    ...uids.flatMap((uid, i) => [`[T${i}]`, `TransferSyntax1 = ${uid}`]),
    "[[PresentationContexts]]",
    "[Contexts]",
    ...classes.flatMap((uid, c) =>
      uids.map((_, i) => `PresentationContext${c * uids.length + i + 1} = ${uid}\\T${i}`),
    ),
    "[[Profiles]]",
    "[Any]",
    "PresentationContexts = Contexts",
  ];
  writeFileSync(path, lines.join("\n"));
  return path;
}

/** Storage SOP classes of the compressed files in the corpus. */
const sopClasses: readonly string[] = [
  "1.2.840.10008.5.1.4.1.1.2",
  "1.2.840.10008.5.1.4.1.1.4",
  "1.2.840.10008.5.1.4.1.1.7",
  "1.2.840.10008.5.1.4.1.1.1",
];
