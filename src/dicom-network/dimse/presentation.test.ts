import { describe, expect, it } from "vitest";
import type { AssociateRequest, RoleSelection, UserInformation } from "./association.ts";
import {
  agreedContexts,
  answerRequest,
  areQueriesRelational,
  ownImplementation,
  type RequestChoices,
  requestorRoles,
} from "./presentation.ts";
import type { ContextChoice, PeerRoles } from "./service.ts";

const ct = "1.2.840.10008.5.1.4.1.1.2";
const mr = "1.2.840.10008.5.1.4.1.1.4";
const implicit = "1.2.840.10008.1.2";
const explicit = "1.2.840.10008.1.2.1";

function requestWith(user: Partial<UserInformation>): AssociateRequest {
  return {
    callingAeTitle: "A",
    calledAeTitle: "B",
    applicationContext: "1.2.840.10008.3.1.1.1",
    contexts: [
      { id: 1, abstractSyntax: ct, transferSyntaxes: [implicit, explicit] },
      { id: 3, abstractSyntax: mr, transferSyntaxes: [implicit] },
      { id: 5, abstractSyntax: "1.2.3", transferSyntaxes: [implicit] },
    ],
    user: { maxPduBytes: 16_384, implementationClassUid: "1.2", ...user },
  };
}

/** Explicit VR only, and not the private class. */
function choose(abstractSyntax: string, transferSyntaxes: readonly string[]): ContextChoice {
  if (abstractSyntax === "1.2.3") return { refuse: 3 };
  return transferSyntaxes.includes(explicit) ? { transferSyntax: explicit } : { refuse: 4 };
}

describe("the answer to an association request", () => {
  it("gives each context its result, and nothing that was not asked for", () => {
    const request = requestWith({});
    const accept = answerRequest(request, { accept: choose }, ownImplementation);
    expect(accept).toEqual({
      contexts: [
        { id: 1, result: 0, transferSyntax: explicit },
        { id: 3, result: 4, transferSyntax: "" },
        { id: 5, result: 3, transferSyntax: "" },
      ],
      user: {
        maxPduBytes: 0,
        implementationClassUid: ownImplementation.classUid,
        implementationVersionName: ownImplementation.versionName,
      },
    });
    expect(agreedContexts(request, accept)).toEqual([
      { id: 1, abstractSyntax: ct, transferSyntax: explicit },
    ]);
  });

  it("is the SCP: refuses a class whose client wants to be that, and answers other roles", () => {
    const all = (_: string, [first]: readonly string[]): ContextChoice => ({ transferSyntax: first! });
    const roles = [
      { sopClassUid: ct, scu: true, scp: true },
      { sopClassUid: mr, scu: false, scp: true },
    ];
    const { contexts, user } = answerRequest(requestWith({ roles }), { accept: all }, ownImplementation);
    expect(contexts.map(({ result }) => result)).toEqual([0, 1, 0]);
    expect(user.roles).toEqual([{ sopClassUid: ct, scu: true, scp: false }]);
  });

  it("gives the roles that both want, and refuses a class that leaves none", () => {
    const accept = (_: string, [first]: readonly string[]): ContextChoice => ({ transferSyntax: first! });
    // CT for C-GET alone, MR for C-STORE alone, the third as the peer likes.
    const offered = (uid: string): PeerRoles => ({ scu: uid !== ct, scp: uid !== mr });
    const agreed = (...roles: readonly RoleSelection[]) => {
      const request = requestWith({ roles });
      const answer = answerRequest(request, { accept, roles: offered }, ownImplementation);
      const rolesOf = requestorRoles(request, answer);
      return answer.contexts.map(({ result }, i) => [result, rolesOf(request.contexts[i]!.abstractSyntax)]);
    };
    const none = expect.anything();
    const scu = { scu: true, scp: false };
    const scp = { scu: false, scp: true };
    expect(agreed()).toEqual([
      [1, none],
      [0, scu],
      [0, scu],
    ]);
    const both = [ct, mr, "1.2.3"].map((sopClassUid) => ({ sopClassUid, scu: true, scp: true }));
    expect(agreed(...both)).toEqual([
      [0, scp],
      [0, scu],
      [0, { scu: true, scp: true }],
    ]);
    const alone = [ct, mr, "1.2.3"].map((sopClassUid) => ({ sopClassUid, ...scp }));
    expect(agreed(...alone)).toEqual([
      [0, scp],
      [1, none],
      [0, scp],
    ]);
  });

  it("a role that was not answered was not taken", () => {
    const request = requestWith({ roles: [{ sopClassUid: ct, scu: false, scp: true }] });
    const accept = { contexts: [], user: { maxPduBytes: 0, implementationClassUid: "1.2" } };
    expect(requestorRoles(request, accept)(ct)).toEqual({ scu: true, scp: false });
  });

  it("relational queries are negotiated where both say so", () => {
    const asking = (...bytes: readonly number[]) =>
      requestWith({ extendedNegotiation: [{ sopClassUid: ct, information: Uint8Array.from(bytes) }] });
    const accept: RequestChoices["accept"] = choose;
    const answered = (request: AssociateRequest, extended?: RequestChoices["extended"]): boolean =>
      areQueriesRelational(request, answerRequest(request, { accept, extended }, ownImplementation), ct);
    expect(answered(asking(1), (_, information) => information)).toBe(true);
    expect(answered(asking(0), () => Uint8Array.of(1))).toBe(false);
    expect(answered(asking(1), () => Uint8Array.of(0))).toBe(false);
    expect(answered(asking(1))).toBe(false);
    expect(answered(requestWith({}), () => Uint8Array.of(1))).toBe(false);
  });

  it("allows one operation at a time, and does not answer who somebody says to be", () => {
    const bytes = new Uint8Array(0);
    const request = requestWith({
      asynchronousOperations: { invoked: 0, performed: 0 },
      userIdentity: { type: 2, responseRequested: true, primary: bytes, secondary: bytes },
    });
    const { user } = answerRequest(request, { accept: choose }, ownImplementation);
    expect(user.asynchronousOperations).toEqual({ invoked: 1, performed: 1 });
    expect(user).not.toHaveProperty("userIdentityResponse");
  });
});
