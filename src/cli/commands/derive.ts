/** `scanseal derive`: signs that an object was made of others that are proven. */
import { ScansealError } from "../../foundation/errors.ts";
import { CodecPool } from "../../platform/node/codecs/codec-pool.ts";
import { type DerivationAction, derivationActions } from "../../provenance/manifest/derivation-statement.ts";
import { DerivationDesk } from "../../site/derivations/derivation-desk.ts";
import { openHome } from "../../site/home.ts";
import { OutputFolder } from "../../site/output-folder.ts";
import { requireLabel } from "../../site/receipts/receiving-office.ts";
import { findInputs } from "../inputs.ts";

export interface DeriveOptions {
  readonly home: string;
  readonly from: readonly string[];
  readonly product?: string;
  readonly productVersion?: string;
  readonly operator?: string;
  readonly supersedes: boolean;
  readonly out?: string;
}

/** @returns 0 when it is signed, or was before */
export async function derive(action: string, output: string, options: DeriveOptions): Promise<number> {
  const known = derivationActions.find((one) => one === action);
  if (!known) throw new ScansealError("usage", `an action is one of ${derivationActions.join(", ")}`);
  const { files } = await findInputs(options.from);
  const claim = { action: known, supersedes: supersedesOf(known, options), ...whoOf(options) };
  const folder = options.out === undefined ? undefined : await OutputFolder.open(options.out);
  const decoder = new CodecPool();
  try {
    const desk = await DerivationDesk.open(openHome(options.home), decoder);
    try {
      const { digest, parents, known: isKnown } = await desk.sign(claim, output, files, folder);
      const of = parents === 1 ? "1 object" : `${parents} objects`;
      process.stdout.write(
        isKnown
          ? `It has derivation ${digest} already.\n`
          : `Derivation ${digest} signed: ${known} of ${of}. ${
              folder
                ? `The copy in ${options.out}, without the parent's seal,`
                : "The object, which was not changed,"
            } is received now.\n`,
      );
    } finally {
      await desk.close();
    }
  } finally {
    await decoder.close();
  }
  return 0;
}

function supersedesOf(action: DerivationAction, { supersedes }: DeriveOptions): boolean {
  if (supersedes && action !== "restore-original")
    throw new ScansealError(
      "usage",
      "--supersedes is for restore-original: other results stand beside their parents",
    );
  return supersedes;
}

function whoOf({ product, productVersion, operator }: DeriveOptions): {
  product?: { name: string; version: string };
  operator?: string;
} {
  if ((product === undefined) !== (productVersion === undefined))
    throw new ScansealError("usage", "--product and --product-version belong together");
  for (const label of [product, productVersion, operator])
    if (label !== undefined) requireLabel("a product's or operator's name", label);
  return {
    ...(product === undefined ? {} : { product: { name: product, version: productVersion! } }),
    ...(operator === undefined ? {} : { operator }),
  };
}
