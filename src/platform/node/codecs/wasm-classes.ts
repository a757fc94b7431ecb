/** Loads the codecs that the Cornerstone project compiled to WebAssembly. */
import { createRequire } from "node:module";
import { ScansealError } from "../../../foundation/errors.ts";

export type WasmCodec = "jpeg-ls" | "jpeg-2000" | "htj2k";

export interface WasmBuild {
  readonly package: string;
  /** The class of the module that is used. */
  readonly className: string;
}

type ModuleFactory = (options: object) => Promise<Readonly<Record<string, unknown>>>;

const load = createRequire(import.meta.url);

/** An instance's memory never shrinks: after a frame that needed more than this it is dropped. */
const keptMemoryBytesMax = 64 << 20;

/** The classes of one kind, each of a WebAssembly instance of its own that is kept from frame to frame. */
export class WasmClasses<Class, Codec extends string = WasmCodec> {
  readonly #builds: Readonly<Record<Codec, WasmBuild>>;
  readonly #kept = new Map<Codec, Class>();

  constructor(builds: Readonly<Record<Codec, WasmBuild>>) {
    this.#builds = builds;
  }

  async take(codec: Codec): Promise<Class> {
    const kept = this.#kept.get(codec);
    if (kept !== undefined) return kept;
    const build = this.#builds[codec];
    const factory: ModuleFactory = load(build.package);
    const silent = (): void => {};
    const module = await factory({ print: silent, printErr: silent });
    const made = module[build.className] as Class | undefined;
    if (made === undefined) throw new ScansealError("internal", `no ${build.className} in ${build.package}`);
    this.#kept.set(codec, made);
    return made;
  }

  /** After a frame, with the bytes its instance has grown to. */
  release(codec: Codec, memoryBytes: number): void {
    if (memoryBytes > keptMemoryBytesMax) this.drop(codec);
  }

  /** A WebAssembly program that was stopped in the middle is not used again. */
  drop(codec: Codec): void {
    this.#kept.delete(codec);
  }
}
