/** What is agreed when an association is opened: presentation contexts, roles, window (PS3.7 annex D.3, PS3.8 annex B). */
import { implementationClassUid, implementationVersionName } from "../../dicom/encode.ts";
import type {
  AgreedContext,
  AssociateAccept,
  AssociateRequest,
  ContextAnswer,
  PresentationContext,
  RoleSelection,
  UserInformation,
} from "./association.ts";
import type { AdmissionAnswer, PeerRoles } from "./service.ts";

/** PS3.4 annex A. */
export const verificationSopClass = "1.2.840.10008.1.1";

export interface Implementation {
  /** 2.25 and a UUID, unless a product has its own. */
  readonly classUid: string;
  /** 1 to 16 characters. */
  readonly versionName: string;
}

export const ownImplementation: Implementation = {
  classUid: implementationClassUid,
  versionName: implementationVersionName,
};

/** How a provider answers; see `AdmissionAnswer`. */
export type RequestChoices = Exclude<AdmissionAnswer, { reject: unknown }>;

/** PS3.7 D.3.3.4: without a role item the association-requestor is SCU. */
const scuOnly: PeerRoles = { scu: true, scp: false };

/**
 * The acceptance of a provider. A class that leaves the peer no role is refused (result 1), and a role item is answered with what both want
 * (PS3.7 D.3.3.4). The asynchronous window is 1,1. User identities are not answered: none of their types is used.
 */
export function answerRequest(
  request: AssociateRequest,
  choices: RequestChoices,
  implementation: Implementation,
): AssociateAccept {
  const proposed = new Map((request.user.roles ?? []).map((role) => [role.sopClassUid, role]));
  const rolesOf = (sopClassUid: string): PeerRoles => {
    const wanted = proposed.get(sopClassUid) ?? scuOnly;
    const offered = choices.roles?.(sopClassUid) ?? scuOnly;
    return { scu: wanted.scu && offered.scu, scp: wanted.scp && offered.scp };
  };
  const contexts = request.contexts.map((context) => answerContext(context, choices.accept, rolesOf));
  const accepted = new Set(
    request.contexts.filter((_, i) => contexts[i]!.result === 0).map((context) => context.abstractSyntax),
  );
  const roles: RoleSelection[] = [...proposed.keys()]
    .filter((sopClassUid) => accepted.has(sopClassUid))
    .map((sopClassUid) => ({ sopClassUid, ...rolesOf(sopClassUid) }));
  const extendedNegotiation = (request.user.extendedNegotiation ?? []).flatMap((one) => {
    const information = choices.extended?.(one.sopClassUid, one.information);
    return information === undefined ? [] : [{ sopClassUid: one.sopClassUid, information }];
  });
  const user: UserInformation = {
    // The Upper Layer puts its limit here.
    maxPduBytes: 0,
    implementationClassUid: implementation.classUid,
    implementationVersionName: implementation.versionName,
    ...(request.user.asynchronousOperations ? { asynchronousOperations: { invoked: 1, performed: 1 } } : {}),
    ...(roles.length > 0 ? { roles } : {}),
    ...(extendedNegotiation.length > 0 ? { extendedNegotiation } : {}),
  };
  return { contexts, user };
}

function answerContext(
  { id, abstractSyntax, transferSyntaxes }: PresentationContext,
  choose: RequestChoices["accept"],
  rolesOf: (sopClassUid: string) => PeerRoles,
): ContextAnswer {
  const roles = rolesOf(abstractSyntax);
  if (!roles.scu && !roles.scp) return { id, result: 1, transferSyntax: "" };
  const choice = choose(abstractSyntax, transferSyntaxes);
  return "refuse" in choice
    ? { id, result: choice.refuse, transferSyntax: "" }
    : { id, result: 0, transferSyntax: choice.transferSyntax };
}

/**
 * What the requestor of the association is for a class: what both say in their role items. One that is not answered was not taken
 * (PS3.7 D.3.3.4): the default holds.
 */
export function requestorRoles(
  request: AssociateRequest,
  accept: AssociateAccept,
): (sopClassUid: string) => PeerRoles {
  const wanted = new Map((request.user.roles ?? []).map((role) => [role.sopClassUid, role]));
  const given = new Map((accept.user.roles ?? []).map((role) => [role.sopClassUid, role]));
  return (sopClassUid) => {
    const [one, other] = [wanted.get(sopClassUid), given.get(sopClassUid)];
    return one && other ? { scu: one.scu && other.scu, scp: one.scp && other.scp } : scuOnly;
  };
}

/** PS3.4 C.5.1.1, C.5.2.1, C.5.3.1: both said so in the first byte of the class's extended negotiation. */
export function areQueriesRelational(
  request: AssociateRequest,
  accept: AssociateAccept,
  sopClassUid: string,
): boolean {
  return [request, accept].every(({ user }) =>
    user.extendedNegotiation?.some((one) => one.sopClassUid === sopClassUid && one.information[0] === 1),
  );
}

/** The contexts that both sides accepted, in the order they were proposed. */
export function agreedContexts(request: AssociateRequest, accept: AssociateAccept): AgreedContext[] {
  const answers = new Map(accept.contexts.map((answer) => [answer.id, answer]));
  return request.contexts.flatMap(({ id, abstractSyntax }) => {
    const answer = answers.get(id);
    return answer?.result === 0 ? [{ id, abstractSyntax, transferSyntax: answer.transferSyntax }] : [];
  });
}

/** PS3.8 table 9-18, in words. */
export function describeContextResult(result: number | undefined): string {
  switch (result) {
    case undefined:
      return "without an answer";
    case 1:
      return "refused by its user";
    case 3:
      return "the SOP class is not supported";
    case 4:
      return "the transfer syntax is not supported";
    default:
      return "refused without a reason";
  }
}
