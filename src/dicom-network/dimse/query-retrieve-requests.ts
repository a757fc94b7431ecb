/** What a peer asks by C-FIND, C-MOVE and C-GET (PS3.4 annex C): read, given to the provider, its answers sent. */
import type { Bytes } from "../../foundation/bytes.ts";
import { ScansealError } from "../../foundation/errors.ts";
import { nodeTextDecoding } from "../../platform/node/text-decoding.ts";
import { readIdentifier } from "../query/identifier.ts";
import { readQueryIdentifier } from "../query/query-identifier.ts";
import { readRetrieveIdentifier } from "../query/retrieve-identifier.ts";
import type { AgreedContext } from "./association.ts";
import { commandField } from "./command-set.ts";
import { GatheredDataSet } from "./gathered-data-set.ts";
import type { DataSetTaker, RequestCommand } from "./message-acceptor.ts";
import type { Requestor } from "./requestor.ts";
import type { RunningOperation } from "./running-operation.ts";
import type {
  DimseProvider,
  DimseStatus,
  MissingInstance,
  OfferedInstance,
  OpenAssociation,
  QueryRetrieveRequest,
  Retrieval,
  SubOperationOutcome,
} from "./service.ts";
import type { QueryRetrieveClass } from "./sop-classes.ts";
import { dimseStatus, isStored } from "./status.ts";

/** A thousand UIDs; queries have some hundred bytes. */
const identifierBytesMax: number = 64 << 10;
/** PS3.7 table E.1-1: medium. */
const mediumPriority = 0;

/** What an operation works with. */
export interface OperationContext {
  readonly operation: RunningOperation;
  readonly open: OpenAssociation;
  readonly requestor: Requestor;
}

/** An operation whose identifier was read: runs until it is answered. */
export type PreparedOperation = (context: OperationContext) => Promise<void>;

type Handlers = Pick<DimseProvider, "find" | "move" | "get">;

const fields = {
  find: commandField.findRequest,
  move: commandField.moveRequest,
  get: commandField.getRequest,
} as const;

/** The status that refuses it, or who takes its identifier. */
export function queryRetrieveTaker(
  provider: Handlers,
  { root, operation }: QueryRetrieveClass,
  open: OpenAssociation,
  { abstractSyntax, transferSyntax }: AgreedContext,
  command: RequestCommand,
): DataSetTaker | DimseStatus {
  const { field, sopClassUid, messageId, hasDataSet } = command;
  if (field !== fields[operation] || !provider[operation]) return { code: dimseStatus.unrecognizedOperation };
  if (sopClassUid !== abstractSyntax) return { code: dimseStatus.classNotSupported };
  if (!hasDataSet) return { code: dimseStatus.mistypedArgument };
  const destination = command.moveDestination ?? "";
  if (operation === "move" && destination === "") return { code: dimseStatus.moveDestinationUnknown };
  const isRelational = open.isRelational(abstractSyntax);
  const tooLong = { code: dimseStatus.identifierMismatch, comment: "the identifier is too long" };
  const asked = ({ operation: { signal } }: OperationContext): QueryRetrieveRequest => ({
    association: open,
    messageId,
    sopClassUid,
    transferSyntaxUid: transferSyntax,
    signal,
  });
  return gathered(tooLong, async (bytes): Promise<PreparedOperation> => {
    const object = await readIdentifier(bytes, transferSyntax);
    if (operation === "find") {
      const { query, areKeysIgnored } = readQueryIdentifier(object, root, isRelational, nodeTextDecoding);
      return (context) =>
        runFind(context, () => provider.find!({ ...asked(context), query }), areKeysIgnored);
    }
    const identifier = readRetrieveIdentifier(object, root, isRelational, nodeTextDecoding);
    if (operation === "get")
      return (context) => runGet(context, () => provider.get!({ ...asked(context), identifier }));
    return (context) =>
      runMove(context, () => provider.move!({ ...asked(context), identifier, destination }));
  });
}

function gathered(tooLong: DimseStatus, read: (bytes: Bytes) => Promise<PreparedOperation>): DataSetTaker {
  return new GatheredDataSet<DimseStatus | PreparedOperation>(identifierBytesMax, tooLong, async (bytes) => {
    try {
      return await read(bytes);
    } catch (error) {
      if (!(error instanceof ScansealError)) throw error;
      return { code: dimseStatus.identifierMismatch, comment: error.message };
    }
  });
}

function runFind(
  { operation }: OperationContext,
  find: () => ReturnType<NonNullable<Handlers["find"]>>,
  areKeysIgnored: boolean,
): Promise<void> {
  return operation.run(
    async () => find(),
    ({ dataSet, areKeysUnsupported }) =>
      operation.match(dataSet, areKeysIgnored || areKeysUnsupported === true),
  );
}

function runMove(
  { operation }: OperationContext,
  move: () => Promise<Retrieval<SubOperationOutcome>>,
): Promise<void> {
  return operation.run(
    async () => begun(operation, await move()),
    (outcome) => operation.count(outcome),
  );
}

function runGet(
  context: OperationContext,
  get: () => Promise<Retrieval<OfferedInstance | MissingInstance>>,
): Promise<void> {
  const { operation } = context;
  return operation.run(
    async () => begun(operation, await get()),
    async (step) => {
      const outcome = "isMissing" in step ? "failed" : await give(context, step);
      // Cancelled before it began.
      if (outcome !== undefined) await operation.count({ sopInstanceUid: step.sopInstanceUid, outcome });
    },
  );
}

function begun<Step>(operation: RunningOperation, retrieval: Retrieval<Step>): AsyncIterable<Step> {
  operation.expect(retrieval);
  return retrieval.steps;
}

/**
 * A sub-operation of C-GET (PS3.4 C.4.3.3.1): C-STORE on the same association, the peer being SCP of the class.
 * @returns undefined when the operation was cancelled before it
 */
async function give(
  { operation, open, requestor }: OperationContext,
  { sopClassUid, sopInstanceUid, transferSyntaxUid, dataSet }: OfferedInstance,
): Promise<SubOperationOutcome["outcome"] | undefined> {
  const context = open.contexts.find(
    (one) => one.abstractSyntax === sopClassUid && one.transferSyntax === transferSyntaxUid,
  );
  if (!context || !open.rolesOf(sopClassUid).scp) return "failed";
  const pieces = dataSet()[Symbol.asyncIterator]();
  try {
    // What cannot be read at all fails before a word is said; later only an abort would keep it from being taken for whole.
    const first = await operation.awaiting(pieces.next()).catch(() => "failed" as const);
    if (first === undefined) return undefined;
    if (first === "failed" || first.done === true) return "failed";
    const command = {
      field: commandField.storeRequest,
      hasDataSet: true,
      priority: mediumPriority,
      sopClassUid,
      sopInstanceUid,
    };
    const { command: response } = await requestor.perform(
      context.id,
      command,
      withFirst(first.value, pieces),
    );
    if (response.status === dimseStatus.success) return "completed";
    return isStored(response.status) ? "warning" : "failed";
  } finally {
    // It may still be at work on what nobody waits for.
    void pieces.return?.().catch(() => undefined);
  }
}

async function* withFirst(first: Bytes, rest: AsyncIterator<Bytes>): AsyncGenerator<Bytes> {
  yield first;
  for (let next = await rest.next(); next.done !== true; next = await rest.next()) yield next.value;
}
