import { describe, expect, it } from "vitest";
import type { AssociateRequest, UserInformation } from "./association.ts";
import { agreedContexts, answerRequest, ownImplementation } from "./presentation.ts";
import type { ContextChoice } from "./service.ts";

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
