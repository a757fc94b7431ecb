/** An association that we opened, as a client uses it. */
import { findElement, plainText } from "../../dicom/elements.ts";
import type { NewElement } from "../../dicom/encode.ts";
import type { DicomObject } from "../../dicom/model.ts";
import type { Tag } from "../../dicom/tags.ts";
import { transferSyntaxOf } from "../../dicom/transfer-syntax.ts";
import type { Bytes } from "../../foundation/bytes.ts";
import { ScansealError } from "../../foundation/errors.ts";
import { encodeIdentifier, readAnswer } from "../query/identifier.ts";
import type { Query, QueryKey } from "../query/query.ts";
import { elementsOfKeys, elementsOfQuery } from "../query/query-identifier.ts";
import { elementsOfRetrieve, type RetrieveIdentifier } from "../query/retrieve-identifier.ts";
import { ArrivalQueue } from "./arrival-queue.ts";
import type { AgreedContext, AssociationEnd, NetworkPeer } from "./association.ts";
import type { DimseClient, RetrieveOptions, RetrieveResult, StoredInstance } from "./client.ts";
import { type CommandSet, commandField } from "./command-set.ts";
import {
  agreedContexts,
  areQueriesRelational,
  describeContextResult,
  requestorRoles,
  verificationSopClass,
} from "./presentation.ts";
import type { DimseResponse, PendingTaker } from "./requestor.ts";
import type {
  DimseProvider,
  DimseStatus,
  OpenAssociation,
  PeerRoles,
  StoreReceiver,
  StoreRequest,
} from "./service.ts";
import { DimseSession } from "./session.ts";
import {
  modalityWorklistClass,
  queryRetrieveClassUid,
  storageCommitmentClass,
  storageCommitmentInstance,
} from "./sop-classes.ts";
import { describeStatus, dimseStatus } from "./status.ts";
import {
  type CommitmentReport,
  type CommitmentRequest,
  commitmentActionType,
  encodeCommitmentReport,
  encodeCommitmentRequest,
  eventTypeOf,
} from "./storage-commitment.ts";
import { describeEnd } from "./upper-layer/reasons.ts";
import type { PresentationDataValue, UpperLayerAssociation } from "./upper-layer/upper-layer.ts";

/** PS3.7 table E.1-1: medium. */
const mediumPriority = 0;
const failedListTag: Tag = 0x00080058;
/** As of the gate: what a refused object may still send. */
const drainBytesMax = 128 << 20;

let associationsSoFar = 0;

export class ClientAssociation implements DimseClient {
  readonly peer: NetworkPeer;
  readonly contexts: readonly AgreedContext[];
  isOpen = true;
  readonly #association: UpperLayerAssociation;
  readonly #session: DimseSession;
  readonly #ownRoles: (sopClassUid: string) => PeerRoles;
  /** Of C-GET, while one is under way. */
  #receive: ((request: StoreRequest) => StoreReceiver | DimseStatus) | undefined;
  /** Why we ended it ourselves. */
  #failure: ScansealError | undefined;

  constructor(association: UpperLayerAssociation, report: DimseProvider["report"]) {
    const { request, accept, peer } = association;
    this.#association = association;
    this.peer = peer;
    this.contexts = agreedContexts(request, accept);
    this.#ownRoles = requestorRoles(request, accept);
    const open: OpenAssociation = {
      id: `client ${++associationsSoFar}`,
      peer,
      request,
      contexts: this.contexts,
      rolesOf: (sopClassUid) => {
        const { scu, scp } = this.#ownRoles(sopClassUid);
        return { scu: scp, scp: scu };
      },
      isRelational: (sopClassUid) => areQueriesRelational(request, accept, sopClassUid),
      abort: (why) => this.abort(why),
    };
    const provider: Omit<DimseProvider, "admit"> = {
      store: (stored) => this.#receive?.(stored) ?? { code: dimseStatus.unrecognizedOperation },
      ...(report ? { report } : {}),
    };
    this.#session = new DimseSession(association, open, provider, drainBytesMax);
    void association.ended.then((end) => {
      this.isOpen = false;
      this.#session.end(this.#failure ?? endError(end));
    });
  }

  get ended(): Promise<AssociationEnd> {
    return this.#association.ended;
  }

  /** For the Upper Layer. What it throws aborts the association. */
  readonly take = (value: PresentationDataValue): void | Promise<void> => {
    try {
      const pending = this.#session.take(value);
      return pending?.catch((error: unknown) => this.#failed(error));
    } catch (error) {
      this.#failed(error);
    }
  };

  #failed(error: unknown): never {
    if (error instanceof ScansealError) this.#failure ??= error;
    this.isOpen = false;
    this.#session.end(this.#failure);
    throw error;
  }

  async echo(): Promise<DimseStatus> {
    const context = this.#contextOf(verificationSopClass, "C-ECHO");
    const command = { field: commandField.echoRequest, hasDataSet: false, sopClassUid: verificationSopClass };
    return statusOf(await this.#perform(context, command));
  }

  async store(instance: StoredInstance, dataSet: AsyncIterable<Bytes>): Promise<DimseStatus> {
    const { sopClassUid, sopInstanceUid, moveOriginator } = instance;
    const command = {
      field: commandField.storeRequest,
      hasDataSet: true,
      priority: mediumPriority,
      sopClassUid,
      sopInstanceUid,
      moveOriginatorAeTitle: moveOriginator?.aeTitle,
      moveOriginatorMessageId: moveOriginator?.messageId,
    };
    return statusOf(await this.#perform(this.#storageContext(instance), command, dataSet));
  }

  find(query: Query): AsyncGenerator<DicomObject, void, undefined> {
    return this.#found(queryRetrieveClassUid(query.root, "find"), elementsOfQuery(query));
  }

  findWorklist(keys: readonly QueryKey[]): AsyncGenerator<DicomObject, void, undefined> {
    return this.#found(modalityWorklistClass, elementsOfKeys(keys));
  }

  async *#found(
    sopClassUid: string,
    elements: readonly NewElement[],
  ): AsyncGenerator<DicomObject, void, undefined> {
    const context = this.#contextOf(sopClassUid, "C-FIND");
    const identifier = encodeIdentifier(elements, context.transferSyntax);
    const command = {
      field: commandField.findRequest,
      hasDataSet: true,
      priority: mediumPriority,
      sopClassUid,
    };
    const queue = new ArrivalQueue<Bytes>();
    const pending: PendingTaker = ({ dataSet }) => {
      if (!dataSet) throw new ScansealError("peer-protocol", "a match without an identifier");
      return queue.push(dataSet, dataSet.length);
    };
    const done = this.#perform(context, command, identifier, pending).then(
      ({ command: { status } }) => queue.complete(queryError(status)),
      (error: unknown) => queue.complete(error),
    );
    try {
      for (let next = await queue.next(); next !== undefined; next = await queue.next())
        yield await readMatch(next, context.transferSyntax);
    } finally {
      queue.discard();
      await this.#session.requestor.cancel();
      await done;
    }
  }

  async move(
    destination: string,
    identifier: RetrieveIdentifier,
    options: RetrieveOptions = {},
  ): Promise<RetrieveResult> {
    return this.#retrieve("move", identifier, options, destination);
  }

  async get(
    identifier: RetrieveIdentifier,
    receive: (request: StoreRequest) => StoreReceiver | DimseStatus,
    options: RetrieveOptions = {},
  ): Promise<RetrieveResult> {
    if (this.#receive) throw new ScansealError("usage", "another operation is under way");
    this.#receive = receive;
    try {
      return await this.#retrieve("get", identifier, options);
    } finally {
      this.#receive = undefined;
    }
  }

  async #retrieve(
    operation: "move" | "get",
    identifier: RetrieveIdentifier,
    { onProgress, signal }: RetrieveOptions,
    moveDestination?: string,
  ): Promise<RetrieveResult> {
    const isMove = operation === "move";
    const sopClassUid = queryRetrieveClassUid(identifier.root, operation);
    const context = this.#contextOf(sopClassUid, isMove ? "C-MOVE" : "C-GET");
    const dataSet = encodeIdentifier(elementsOfRetrieve(identifier), context.transferSyntax);
    const command = {
      field: isMove ? commandField.moveRequest : commandField.getRequest,
      hasDataSet: true,
      priority: mediumPriority,
      sopClassUid,
      moveDestination,
    };
    const cancel = (): void => void this.#session.requestor.cancel();
    signal?.addEventListener("abort", cancel, { once: true });
    try {
      const pending: PendingTaker = ({ command: response }) => onProgress?.(countsOf(response));
      const performed = this.#perform(context, command, dataSet, pending);
      if (signal?.aborted) cancel();
      const response = await performed;
      const failedUids = await failedUidsOf(response, context.transferSyntax);
      return { ...countsOf(response.command), status: statusOf(response), failedUids };
    } finally {
      signal?.removeEventListener("abort", cancel);
    }
  }

  async requestCommitment(request: CommitmentRequest): Promise<DimseStatus> {
    const context = this.#contextOf(storageCommitmentClass, "Storage Commitment");
    const command = {
      field: commandField.actionRequest,
      hasDataSet: true,
      requestedSopClassUid: storageCommitmentClass,
      requestedSopInstanceUid: storageCommitmentInstance,
      actionTypeId: commitmentActionType,
    };
    const dataSet = encodeCommitmentRequest(request, context.transferSyntax);
    return statusOf(await this.#perform(context, command, dataSet));
  }

  async reportCommitment(report: CommitmentReport): Promise<DimseStatus> {
    const context = this.#contextOf(storageCommitmentClass, "reports of Storage Commitment", "scp");
    const command = {
      field: commandField.eventReportRequest,
      hasDataSet: true,
      sopClassUid: storageCommitmentClass,
      sopInstanceUid: storageCommitmentInstance,
      eventTypeId: eventTypeOf(report),
    };
    const dataSet = encodeCommitmentReport(report, context.transferSyntax);
    return statusOf(await this.#perform(context, command, dataSet));
  }

  /** @throws ScansealError `peer-rejected` without one in which we have this role */
  #contextOf(sopClassUid: string, what: string, role: keyof PeerRoles = "scu"): AgreedContext {
    const context = this.contexts.find(
      ({ abstractSyntax, transferSyntax }) =>
        abstractSyntax === sopClassUid && transferSyntaxOf(transferSyntax)?.deflated !== true,
    );
    if (!context || !this.#ownRoles(sopClassUid)[role])
      throw new ScansealError("peer-rejected", `the peer did not accept a context for ${what}`);
    return context;
  }

  /** @throws ScansealError `peer-rejected` */
  #storageContext({ sopClassUid, transferSyntaxUid }: StoredInstance): AgreedContext {
    const context = this.contexts.find(
      ({ abstractSyntax, transferSyntax }) =>
        abstractSyntax === sopClassUid && transferSyntax === transferSyntaxUid,
    );
    if (context) return context;
    const { request, accept } = this.#association;
    const proposed = request.contexts.filter(
      (one) => one.abstractSyntax === sopClassUid && one.transferSyntaxes.includes(transferSyntaxUid),
    );
    const what = `SOP class ${sopClassUid} in transfer syntax ${transferSyntaxUid}`;
    if (proposed.length === 0) throw new ScansealError("peer-rejected", `${what} was not proposed`);
    const answers = proposed.map(({ id }) => accept.contexts.find((answer) => answer.id === id));
    const why = answers.every((answer) => answer?.result === 0)
      ? "it took another transfer syntax"
      : describeContextResult(answers.find((answer) => answer?.result !== 0)?.result);
    throw new ScansealError("peer-rejected", `the peer does not take ${what}: ${why}`);
  }

  async #perform(
    { id }: AgreedContext,
    command: Omit<CommandSet, "messageId">,
    dataSet?: AsyncIterable<Bytes> | Bytes,
    pending?: PendingTaker,
  ): Promise<DimseResponse> {
    const { requestor } = this.#session;
    if (requestor.isBusy) throw new ScansealError("usage", "another operation is under way");
    try {
      const response = await requestor.perform(id, command, dataSet, pending);
      if (requestor.isBroken) this.isOpen = false;
      return response;
    } catch (error) {
      // Whatever it was: the association is over, or as good as that.
      this.isOpen = false;
      throw error;
    }
  }

  async release(): Promise<void> {
    if (this.#session.requestor.isBusy) throw new ScansealError("usage", "an operation is under way");
    this.isOpen = false;
    const end = await this.#association.release();
    if (end.kind !== "released") throw this.#failure ?? endError(end);
  }

  abort(why: string): void {
    if (!this.isOpen) return;
    this.isOpen = false;
    this.#failure ??= new ScansealError("network", `the association was aborted: ${why}`);
    this.#session.end(this.#failure);
    this.#association.abort(why);
  }
}

function statusOf({ command: { status, errorComment } }: DimseResponse): DimseStatus {
  return { code: status, comment: errorComment };
}

function countsOf({
  remaining,
  completed,
  failed,
  warning,
}: CommandSet): Omit<RetrieveResult, "status" | "failedUids"> {
  return { remaining, completed, failed, warning };
}

/** Of the last response to a query; cancelled it was by us. */
function queryError(status: number): ScansealError | undefined {
  if (status === dimseStatus.success || status === dimseStatus.cancelled) return undefined;
  return new ScansealError("peer-rejected", `the peer ended the query: ${describeStatus(status)}`);
}

/** @throws ScansealError `peer-protocol` */
async function readMatch(bytes: Bytes, transferSyntaxUid: string): Promise<DicomObject> {
  try {
    return await readAnswer(bytes, transferSyntaxUid);
  } catch (cause) {
    throw new ScansealError("peer-protocol", "a match that is no data set", { cause });
  }
}

/** A list that cannot be read names nobody; the counts tell. */
async function failedUidsOf(
  { dataSet }: DimseResponse,
  transferSyntaxUid: string,
): Promise<readonly string[]> {
  const object = dataSet && (await readAnswer(dataSet, transferSyntaxUid).catch(() => undefined));
  const text = object && plainText(findElement(object.elements, failedListTag));
  return text === undefined || text === "" ? [] : text.split("\\").map((uid) => uid.trim());
}

/** What we aborted ourselves without a failure of our own was a timer (source 0) or what the peer sent (2). */
function endError(end: AssociationEnd): ScansealError {
  const message = describeEnd(end);
  if (end.kind === "aborted") {
    if (end.by === "peer") return new ScansealError("peer-aborted", message);
    return new ScansealError(end.abort.source === 0 ? "timeout" : "peer-protocol", message);
  }
  return new ScansealError(end.kind === "rejected" ? "peer-rejected" : "network", message);
}
