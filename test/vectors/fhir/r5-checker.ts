/**
 * A strict check of FHIR R5 JSON against the resource definitions in r5-definitions.json: nothing that is not defined, cardinalities, types, the forms
 * of primitive values, required value sets, and the invariants that what we write could break. Terminology that is only recommended is not checked.
 */
import definitions from "./r5-definitions.json" with { type: "json" };

interface ElementDefinition {
  readonly min: number;
  readonly max: string;
  readonly types?: readonly string[];
  /** Defined as another element of the type is. */
  readonly same?: string;
  readonly codes?: readonly string[];
}

type TypeDefinition = Readonly<Record<string, ElementDefinition>>;
const types = definitions.types as Readonly<Record<string, TypeDefinition>>;

type Json = null | string | number | boolean | readonly Json[] | JsonObject;
type JsonObject = { readonly [name: string]: Json };

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** FHIR R5 2.1.28.0.1, "Primitive Types"; strings are not empty and not only blanks. */
const primitives: Readonly<Record<string, RegExp>> = {
  id: /^[A-Za-z0-9\-.]{1,64}$/,
  code: /^[^\s]+( [^\s]+)*$/,
  uri: /^\S+$/,
  canonical: /^\S+$/,
  string: /^(?=[\s\S]*\S)[\r\n\t\u0020-\uffff]+$/,
  base64Binary:
    /^([0-9A-Za-z+/]{4})+([0-9A-Za-z+/]{2}==|[0-9A-Za-z+/]{3}=)?$|^([0-9A-Za-z+/]{2}==|[0-9A-Za-z+/]{3}=)$/,
  instant:
    /^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])T([01]\d|2[0-3]):[0-5]\d:([0-5]\d|60)(\.\d{1,9})?(Z|[+-](0\d|1[0-3]):[0-5]\d|[+-]14:00)$/,
  dateTime:
    /^\d{4}(-(0[1-9]|1[0-2])(-(0[1-9]|[12]\d|3[01])(T([01]\d|2[0-3]):[0-5]\d:([0-5]\d|60)(\.\d{1,9})?(Z|[+-](0\d|1[0-3]):[0-5]\d|[+-]14:00))?)?)?$/,
};

/** What is wrong, each with its place; nothing where it is as R5 defines it. */
export function problemsOfBundle(bundle: unknown): string[] {
  const value = bundle as Json;
  if (!isObject(value) || value.resourceType !== "Bundle") return ["not a Bundle"];
  return [...problemsOfResource(value, "Bundle"), ...bundleInvariants(value)];
}

function problemsOfResource(value: Json, place: string): string[] {
  if (!isObject(value)) return [`${place}: not an object`];
  const { resourceType, ...rest } = value;
  const type = typeof resourceType === "string" ? types[resourceType] : undefined;
  if (!type) return [`${place}: a resource of an unknown type`];
  return problemsOfChildren(rest, type, String(resourceType), `${place}.${resourceType}`);
}

function problemsOfChildren(value: JsonObject, type: TypeDefinition, path: string, place: string): string[] {
  const problems: string[] = [];
  const known = new Set<string>();
  for (const [elementPath, definition] of Object.entries(type)) {
    const name = elementPath.slice(path.length + 1);
    if (!elementPath.startsWith(`${path}.`) || name.includes(".")) continue;
    const found = presentNames(name, definition, value);
    for (const one of found) known.add(one.name);
    if (found.length > 1) problems.push(`${place}.${name}: more than one of a choice`);
    if (found.length === 0 && definition.min > 0) problems.push(`${place}.${name}: missing`);
    for (const one of found)
      problems.push(
        ...problemsOfElement(value[one.name]!, definition, one.type, {
          type,
          path: elementPath,
          place: `${place}.${one.name}`,
        }),
      );
  }
  for (const name of Object.keys(value)) if (!known.has(name)) problems.push(`${place}.${name}: not defined`);
  if (Object.keys(value).length === 0) problems.push(`${place}: empty`);
  return problems;
}

/** `occurred[x]` stands as occurredDateTime or occurredPeriod. */
function presentNames(
  name: string,
  { types: allowed = [] }: ElementDefinition,
  value: JsonObject,
): { readonly name: string; readonly type: string | undefined }[] {
  if (!name.endsWith("[x]")) return name in value ? [{ name, type: allowed[0] }] : [];
  return allowed
    .map((type) => ({ name: name.slice(0, -3) + type[0]!.toUpperCase() + type.slice(1), type }))
    .filter((one) => one.name in value);
}

interface Place {
  readonly type: TypeDefinition;
  /** Of the definition, and of the value. */
  readonly path: string;
  readonly place: string;
}

function problemsOfElement(
  value: Json,
  definition: ElementDefinition,
  typeName: string | undefined,
  { type, path, place }: Place,
): string[] {
  const { min, max, codes } = definition;
  if (max === "*" && !Array.isArray(value)) return [`${place}: not a list`];
  if (max !== "*" && Array.isArray(value)) return [`${place}: a list`];
  const values: readonly Json[] = Array.isArray(value) ? value : [value];
  if (values.length < Math.max(1, min)) return [`${place}: too few`];
  return values.flatMap((one, i) => {
    const at = max === "*" ? `${place}[${i}]` : place;
    if (definition.same !== undefined)
      return isObject(one) ? problemsOfChildren(one, type, definition.same, at) : [`${at}: not an object`];
    const found = problemsOfValue(one, typeName ?? "", { type, path, place: at });
    return codes && !codes.includes(String(one))
      ? [...found, `${at}: ${one} is not in the value set`]
      : found;
  });
}

function problemsOfValue(value: Json, typeName: string, { type, path, place }: Place): string[] {
  if (typeName === "Resource") return problemsOfResource(value, place);
  if (typeName === "boolean") return typeof value === "boolean" ? [] : [`${place}: not a boolean`];
  if (typeName === "unsignedInt")
    return Number.isSafeInteger(value) && Number(value) >= 0 ? [] : [`${place}: not a number`];
  const primitive = primitives[typeName];
  if (primitive)
    return typeof value === "string" && primitive.test(value) ? [] : [`${place}: not a ${typeName}`];
  if (!isObject(value)) return [`${place}: not an object`];
  if (typeName === "BackboneElement") return problemsOfChildren(value, type, path, place);
  const complex = types[typeName];
  if (!complex) return [`${place}: of type ${typeName}, which the checker does not know`];
  return [...problemsOfChildren(value, complex, typeName, place), ...invariantsOf(typeName, value, place)];
}

function invariantsOf(typeName: string, value: JsonObject, place: string): string[] {
  // ref-2: at least one of reference, identifier, display. ident-1 and cod-1: a value, a code.
  if (typeName === "Reference" && !("reference" in value || "identifier" in value || "display" in value))
    return [`${place}: ref-2`];
  if (typeName === "Identifier" && !("value" in value)) return [`${place}: ident-1`];
  if (typeName === "Coding" && !("code" in value)) return [`${place}: cod-1`];
  return [];
}

/** bdl-7: full URLs are unique; bdl-8: not of a version; an entry's id is the one in its URL (R5 Bundle, 2.36.4). */
function bundleInvariants({ entry }: JsonObject): string[] {
  const entries = Array.isArray(entry) ? (entry as readonly JsonObject[]) : [];
  const urls = entries.map(({ fullUrl }) => String(fullUrl));
  return [
    ...(new Set(urls).size === urls.length ? [] : ["bdl-7"]),
    ...urls.filter((url) => url.includes("/_history/")).map(() => "bdl-8"),
    ...entries.flatMap(({ resource, fullUrl }) =>
      isObject(resource) && fullUrl === `urn:uuid:${resource.id}`
        ? []
        : [`${fullUrl}: not the resource's id`],
    ),
  ];
}
