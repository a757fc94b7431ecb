/** Colours, only where a person looks: on a terminal, and not when NO_COLOR is set (no-color.org). */
import { styleText } from "node:util";

export type Paint = (text: string) => string;

export interface Palette {
  readonly good: Paint;
  readonly notice: Paint;
  readonly bad: Paint;
  readonly faint: Paint;
  readonly strong: Paint;
}

const plain: Paint = (text) => text;

const plainPalette: Palette = { good: plain, notice: plain, bad: plain, faint: plain, strong: plain };

const colourPalette: Palette = {
  good: paintAs("green"),
  notice: paintAs("yellow"),
  bad: paintAs("red"),
  faint: paintAs("dim"),
  strong: paintAs("bold"),
};

export function paletteFor(
  stream: { readonly isTTY?: boolean },
  environment: Readonly<Record<string, string | undefined>>,
): Palette {
  const refused = (environment.NO_COLOR ?? "") !== "" || environment.TERM === "dumb";
  return stream.isTTY === true && !refused ? colourPalette : plainPalette;
}

function paintAs(style: "green" | "yellow" | "red" | "dim" | "bold"): Paint {
  return (text) => styleText(style, text, { validateStream: false });
}
