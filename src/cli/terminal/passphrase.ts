/** Asks for a passphrase on the terminal; what is typed is not shown. */
import { ScansealError } from "../../foundation/errors.ts";

/** Longer ones are refused anyway; an endless paste ends here. */
const charactersMax = 4_096;

const interrupt = "\u0003";
const endOfInput = "\u0004";

/**
 * From the environment variable where it is set, for scripts; else from the terminal.
 * @throws ScansealError `usage` when there is neither, or the person gave up
 */
export async function passphraseFrom(
  variable: string,
  question: string,
  keyboard: Keyboard = process.stdin,
  screen: Screen = process.stderr,
): Promise<string> {
  const given = process.env[variable];
  if (given !== undefined && given !== "") return given;
  if (keyboard.isTTY !== true || screen.isTTY !== true)
    throw new ScansealError("usage", `there is no terminal to ask for a passphrase on: set ${variable}`);
  return ask(question, keyboard, screen);
}

/** Typed twice, so that a slip does not become the passphrase. @throws ScansealError `usage` */
export async function newPassphraseFrom(variable: string, question: string): Promise<string> {
  const first = await passphraseFrom(variable, question);
  const given = process.env[variable];
  if (given !== undefined && given !== "") return first;
  if ((await passphraseFrom(variable, "The same again: ")) === first) return first;
  throw new ScansealError("usage", "the two are not the same");
}

/** What is needed of a terminal. */
export interface Keyboard {
  readonly isTTY?: boolean;
  setEncoding(encoding: "utf8"): unknown;
  setRawMode(isRaw: boolean): unknown;
  on(event: "data", listener: (text: string) => void): unknown;
  off(event: "data", listener: (text: string) => void): unknown;
  resume(): unknown;
  pause(): unknown;
}

/** Stderr, so that stdout holds nothing but the answer of the command. */
interface Screen {
  readonly isTTY?: boolean;
  write(text: string): unknown;
}

function ask(question: string, keyboard: Keyboard, screen: Screen): Promise<string> {
  screen.write(question);
  return new Promise((resolve, reject) => {
    let typed: string[] = [];
    const end = (finish: () => void): void => {
      keyboard.off("data", onData);
      keyboard.setRawMode(false);
      keyboard.pause();
      screen.write("\n");
      finish();
    };
    const onData = (text: string): void => {
      for (const character of text) {
        if (character === "\r" || character === "\n") {
          end(() => resolve(typed.join("")));
          return;
        }
        if (character === interrupt || character === endOfInput) {
          end(() => reject(new ScansealError("usage", "no passphrase was given")));
          return;
        }
        if (character === "\u007f" || character === "\b") typed = typed.slice(0, -1);
        else if (character >= " " && typed.length < charactersMax) typed.push(character);
      }
    };
    keyboard.setEncoding("utf8");
    keyboard.setRawMode(true);
    keyboard.on("data", onData);
    keyboard.resume();
  });
}
