/** `scanseal operator` with keys that openssl made. */
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { expect, it } from "vitest";
import { makeWorkplace } from "./scanseal-process.ts";

const place = makeWorkplace();

function key(name: string): { readonly file: string; readonly public: string } {
  const file = join(place.folder, `${name}.key`);
  execFileSync("openssl", ["genpkey", "-algorithm", "ed25519", "-out", file], { stdio: "pipe" });
  const shown = join(place.folder, `${name}.pub`);
  execFileSync("openssl", ["pkey", "-in", file, "-pubout", "-out", shown], { stdio: "pipe" });
  return { file, public: shown };
}

it("an operator is added with a key, and vouches and removes with it and with no other", () => {
  place.run("init");
  const [anna, ben] = [key("anna"), key("ben")];
  expect(place.run("operator", "add", "anna", "--key", anna.file).stderr).toContain("stays with its person");
  expect(place.run("operator", "add", "anna", "--key", anna.public)).toMatchObject({ status: 0 });
  const add = ["operator", "add", "ben", "--by", "anna", "--key"];
  const as = (file: string, ...args: string[]) =>
    place.runWith({ env: { SCANSEAL_OPERATOR_KEY: file } }, ...args);
  expect(place.run(...add, ben.public).stderr).toContain("SCANSEAL_OPERATOR_KEY");
  expect(as(ben.file, ...add, ben.public).stderr).toContain("not this operator's key");
  expect(as(anna.file, ...add, anna.public).stderr).toContain("another operator's");
  expect(as(anna.file, ...add, ben.public)).toMatchObject({ status: 0 });
  expect(place.run("operator", "list").stdout).toMatch(/ben .*anna .*key .*all/);
  expect(as(ben.file, "operator", "remove", "anna", "--by", "ben")).toMatchObject({ status: 0 });
});
