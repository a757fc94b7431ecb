/** `scanseal archive learn | approve`: an archive's habitual changes, in commissioning. */
import { ScansealError } from "../../foundation/errors.ts";
import {
  approveHabits,
  keepLearned,
  learnedOf,
  requireArchiveName,
} from "../../site/archives/archive-approval.ts";
import { ArchiveLearning, type Learned } from "../../site/archives/archive-learning.ts";
import { openHome } from "../../site/home.ts";
import { findInputs } from "../inputs.ts";
import { reportProblem } from "../problem.ts";
import { reportSkipped } from "../skipped.ts";
import { formatTable } from "../terminal/table.ts";
import { visibleText } from "../terminal/visible-text.ts";
import { provenApprover } from "./approver.ts";

const columns = [
  { title: "ATTRIBUTE" },
  { title: "CHANGE" },
  { title: "CLASS" },
  { title: "OBJECTS" },
  { title: "" },
] as const;

/** @returns 0; 1 when something that came back is no habit; 2 when a file cannot be read */
export async function learnArchive(
  name: string,
  originals: string,
  returned: string,
  options: { readonly home: string },
): Promise<number> {
  requireArchiveName(name);
  const home = openHome(options.home);
  const before = await findInputs([originals]);
  const after = await findInputs([returned]);
  const learning = new ArchiveLearning(home);
  try {
    for (const path of before.files) await learning.addOriginal(path);
    for (const path of after.files) await learning.addReturned(path);
  } finally {
    await learning.close();
  }
  const learned = learning.result();
  for (const { path, why } of learned.refused) reportProblem(`${path}: ${why}`);
  reportSkipped(after, "compared");
  const habits = learned.changes.filter(({ never }) => never === undefined);
  if (learned.objects > 0)
    keepLearned(
      home,
      name,
      habits.map(({ path, kinds }) => ({ path, kinds })),
    );
  process.stdout.write(`${lines(name, learned, habits.length).join("\n")}\n`);
  if (before.unreadable.length + after.unreadable.length > 0) return 2;
  return learned.refused.length > 0 || habits.length < learned.changes.length ? 1 : 0;
}

function lines(name: string, { objects, changes }: Learned, habits: number): string[] {
  const compared = objects === 1 ? "1 object" : `${objects} objects`;
  if (objects === 0) return [`Nothing that ${name} returned could be compared.`];
  if (changes.length === 0) return [`${compared} compared: ${name} changed nothing.`];
  const rows = changes.map((one) => [
    visibleText(one.path),
    one.kinds.join(", "),
    one.attributeClass,
    String(one.objects),
    one.never === undefined ? "" : `never: ${one.never}`,
  ]);
  const never = changes.length - habits;
  return [
    ...formatTable(columns, rows, process.stdout.columns),
    "",
    `${compared} compared. ${habits === 1 ? "1 kind" : `${habits} kinds`} of changes can be approved: scanseal archive approve ${name} --by OPERATOR.`,
    ...(never > 0
      ? [`${never} can never be: have the archive leave them alone, or correct them (scanseal correct).`]
      : []),
  ];
}

/** @returns 0 */
export async function approveArchive(
  name: string,
  options: { readonly home: string; readonly by: string; readonly without: readonly string[] },
): Promise<number> {
  requireArchiveName(name);
  const home = openHome(options.home);
  const learned = learnedOf(home, name);
  const unknown = options.without.find((path) => !learned.some((habit) => habit.path === path));
  if (unknown !== undefined) throw new ScansealError("usage", "--without names what was not learned");
  const habits = learned.filter(({ path }) => !options.without.includes(path));
  const by = await provenApprover(options.home, options.by, "archive approve");
  const { digest, version } = await approveHabits(home, name, habits, by);
  process.stdout.write(
    `${habits.length} changes of ${name} approved by ${by}: record ${digest}, version ${version}.\n` +
      `They are explained where objects are verified with --from ${name}.\n`,
  );
  return 0;
}
