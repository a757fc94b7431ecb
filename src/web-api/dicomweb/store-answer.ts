/** POST (STOW-RS, PS3.18 10.5). */
import type { WebResource } from "../../dicom-network/dicomweb/resource.ts";
import { storeResponse } from "../../dicom-network/dicomweb/store-response.ts";
import { utf8 } from "../../foundation/bytes.ts";
import { serviceRoot, type WebAnswer, type WebRequest } from "./message.ts";
import type { Storing } from "./ports.ts";
import { textAnswer } from "./send-answer.ts";
import { storeForm, storeInstances } from "./store-instances.ts";

export async function store(
  resource: WebResource,
  storing: Storing,
  request: WebRequest,
): Promise<WebAnswer> {
  const isStudies = resource.kind === "collection" && resource.level === "STUDY";
  const isStudy = resource.kind === "objects" && resource.scope.series === undefined;
  if (!isStudies && !isStudy)
    return textAnswer(405, "Objects are stored to /studies.", { allow: "GET, HEAD" });
  const { study } = resource.scope;
  const contentType = request.header("content-type") ?? "";
  const encoding = request.header("content-encoding") ?? "identity";
  if (encoding !== "identity" || contentType === "" || !storeForm(contentType))
    return textAnswer(415, 'Objects come as multipart/related; type="application/dicom", not compressed.');
  const stored = await storeInstances(storing, request.body, contentType, study);
  const url = study === undefined ? undefined : `${request.origin}${serviceRoot}/studies/${study}`;
  const { status, dataSet } = storeResponse(stored, url);
  return {
    status,
    headers: { "content-type": "application/dicom+json" },
    body: utf8(JSON.stringify(dataSet)),
  };
}
