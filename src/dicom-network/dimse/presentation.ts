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
import type { ContextChoice } from "./service.ts";

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

/**
 * The acceptance of a provider. Its role is SCP: whoever offers to be only the SCP of a class is refused that class (result 1), and a role item
 * is answered with what is left (PS3.7 D.3.3.4). The asynchronous window is 1,1. User identities are not answered: none of their types is used.
 */
export function answerRequest(
  request: AssociateRequest,
  choose: (abstractSyntax: string, transferSyntaxes: readonly string[]) => ContextChoice,
  implementation: Implementation,
): AssociateAccept {
  const proposed = request.user.roles ?? [];
  const reversed = new Set(proposed.filter((role) => !role.scu).map((role) => role.sopClassUid));
  const contexts = request.contexts.map((context) => answerContext(context, choose, reversed));
  const accepted = new Set(
    request.contexts.filter((_, i) => contexts[i]!.result === 0).map((context) => context.abstractSyntax),
  );
  const roles: RoleSelection[] = proposed
    .filter((role) => accepted.has(role.sopClassUid))
    .map(({ sopClassUid }) => ({ sopClassUid, scu: true, scp: false }));
  const user: UserInformation = {
    // The Upper Layer puts its limit here.
    maxPduBytes: 0,
    implementationClassUid: implementation.classUid,
    implementationVersionName: implementation.versionName,
    ...(request.user.asynchronousOperations ? { asynchronousOperations: { invoked: 1, performed: 1 } } : {}),
    ...(roles.length > 0 ? { roles } : {}),
  };
  return { contexts, user };
}

function answerContext(
  { id, abstractSyntax, transferSyntaxes }: PresentationContext,
  choose: (abstractSyntax: string, transferSyntaxes: readonly string[]) => ContextChoice,
  reversed: ReadonlySet<string>,
): ContextAnswer {
  if (reversed.has(abstractSyntax)) return { id, result: 1, transferSyntax: "" };
  const choice = choose(abstractSyntax, transferSyntaxes);
  return "refuse" in choice
    ? { id, result: choice.refuse, transferSyntax: "" }
    : { id, result: 0, transferSyntax: choice.transferSyntax };
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
