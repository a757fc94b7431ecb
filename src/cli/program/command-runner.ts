/** How a command of the command line is loaded and run: only what is asked for is loaded. */

export type Action = (...args: readonly never[]) => Promise<number> | number;

/** Makes commander's action of a command's module; its result is the exit status. */
export type Run = (load: () => Promise<Action>) => (...given: readonly unknown[]) => Promise<void>;
