import { EventEmitter } from "node:events";
import { describe, expect, it } from "vitest";
import { type Keyboard, passphraseFrom } from "./passphrase.ts";

class TestKeyboard extends EventEmitter {
  readonly isTTY = true;
  readonly raw: boolean[] = [];
  setEncoding(): void {}
  setRawMode(isRaw: boolean): void {
    this.raw.push(isRaw);
  }
  resume(): void {}
  pause(): void {}
}

const unset = "SCANSEAL_PASSPHRASE_OF_NOBODY";

function type(...chunks: readonly string[]): { answer: Promise<string>; raw: boolean[]; shown: string[] } {
  const keyboard = new TestKeyboard();
  const shown: string[] = [];
  const screen = { isTTY: true, write: (text: string) => shown.push(text) };
  const answer = passphraseFrom(unset, "Passphrase: ", keyboard as unknown as Keyboard, screen);
  for (const chunk of chunks) keyboard.emit("data", chunk);
  expect(keyboard.listenerCount("data")).toBe(0);
  return { answer, raw: keyboard.raw, shown };
}

describe("a passphrase on the terminal", () => {
  it("is taken up to Enter, and nothing of it is shown", async () => {
    const { answer, raw, shown } = type("cor", "rect h\u00e9", "\ud83d\ude00\r");
    expect(await answer).toBe("correct h\u00e9\ud83d\ude00");
    expect(shown).toEqual(["Passphrase: ", "\n"]);
    expect(raw).toEqual([true, false]);
  });

  it("a pasted line ends where it ends", async () => {
    expect(await type("pasted\nrest").answer).toBe("pasted");
  });

  it("backspace takes one character back, and no control character is part of it", async () => {
    expect(await type("ab\u{1f600}\u007f\u007fc\u0001\t\r").answer).toBe("ac");
    expect(await type("\u007f\u007f\r").answer).toBe("");
  });

  it.each(["\u0003", "\u0004"])("%j gives up, and the terminal is as it was", async (key) => {
    const { answer, raw } = type(`abc${key}`);
    await expect(answer).rejects.toMatchObject({ code: "usage" });
    expect(raw).toEqual([true, false]);
  });

  it("is asked of nobody where there is no terminal", async () => {
    const keyboard = { isTTY: false } as Keyboard;
    const asked = passphraseFrom(unset, "?", keyboard, { isTTY: true, write: () => expect.unreachable() });
    await expect(asked).rejects.toThrowError(/set SCANSEAL_PASSPHRASE_OF_NOBODY/);
  });
});
