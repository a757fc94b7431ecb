/** Faults of a configuration file, each with the problem that tells it. */
import type { ConfigProblem } from "../../src/site/gateway/config-problem.ts";

/** A configuration without TLS; its site is in the folder `home`. */
export const sound: string = `aeTitle: SCANSEAL
home: home
listeners:
  - name: plain
    port: 11112
sources:
  - name: ct1
    listener: plain
    aeTitles: [CT1]
    devices: [CT1]
`;

/** With TLS: it needs certificates and keys `gate`, `other`, `ended` and a file `nothing.pem`. */
export const tls: string = `aeTitle: SCANSEAL
home: home
listeners:
  - name: tls
    port: 2762
    tls:
      certificate: gate.pem
      key: gate.key
      clientAuthorities: gate.pem
sources:
  - name: ct1
    listener: tls
    certificates: [other.pem]
`;

/** What is replaced, by what, and the problem: line, code, and a word of its message and its hint. */
export type Fault = readonly [
  what: string,
  change: readonly [string | RegExp, string],
  line: number,
  code: ConfigProblem["code"],
  message: RegExp,
  hint: RegExp,
];

export const faults: readonly Fault[] = [
  ["an unknown key", ["port: 11112", "port: 11112\n    hots: 10.0.0.1"], 6, "unknown-key", /hots/, /host/],
  [
    "audit over TLS without authorities",
    ["sources:", "audit:\n  host: audit.example\nsources:"],
    7,
    "missing",
    /audit over TLS/,
    /^$/,
  ],
  [
    "alerts for nobody",
    ["sources:", "alerts:\n  webhook:\n    secretFrom: A\nsources:"],
    8,
    "missing",
    /"url" or "urlFrom"/,
    /token/,
  ],
  [
    "a password in a webhook's address",
    ["sources:", "alerts:\n  webhook:\n    url: https://a:secret@b/\nsources:"],
    8,
    "secret",
    /password/,
    /urlFrom/,
  ],
  [
    "a webhook that is no web address",
    ["sources:", "alerts:\n  webhook:\n    url: ftp://secret.example/\nsources:"],
    8,
    "value",
    /address/,
    /^$/,
  ],
  [
    "an address that would begin another header",
    ["sources:", 'alerts:\n  mail: {host: m.example, from: a@b.example, to: "x@y\\r\\nBcc: z@y"}\nsources:'],
    7,
    "value",
    /address/,
    /^$/,
  ],
  [
    "a mail password in clear",
    [
      "sources:",
      "alerts:\n  mail: {host: m.example, from: a@b.example, to: c@d.example, transport: tcp, userFrom: U, passwordFrom: P}\nsources:",
    ],
    7,
    "conflict",
    /clear/,
    /^$/,
  ],
  [
    "syslog alerts over TLS without authorities",
    ["sources:", "alerts:\n  syslog: {host: s.example}\nsources:"],
    7,
    "missing",
    /syslog over TLS/,
    /^$/,
  ],
  ["an unknown section", ["sources:", "source:"], 6, "unknown-key", /source/, /sources/],
  [
    "a key of another object",
    ["aeTitle:", "__proto__: {a: 1}\naeTitle:"],
    1,
    "unknown-key",
    /__proto__/,
    /known/,
  ],
  ["a key twice", ["home: home", "home: home\nhome: x"], 3, "duplicate-key", /home/, /^$/],
  ["a missing key", ["aeTitle: SCANSEAL\n", ""], 1, "missing", /aeTitle/, /^$/],
  ["a key without a value", ["aeTitle: SCANSEAL", "aeTitle:"], 1, "missing", /no value/, /^$/],
  ["a list where a value belongs", ["aeTitle: SCANSEAL", "aeTitle: [A]"], 1, "type", /single value/, /^$/],
  ["a value where a list belongs", [/listeners:[\s\S]*/, "listeners: 11112"], 3, "type", /list/, /dash/],
  ["a value where keys belong", ["- name: plain\n    port: 11112", "- plain"], 4, "type", /keys/, /^$/],
  ["an AE title too long", ["SCANSEAL", "SCANSEAL-OF-THE-CLINIC"], 1, "value", /16/, /^$/],
  ["a port too high", ["11112", "111120"], 5, "value", /65535/, /^$/],
  ["a port that is no number", ["11112", "dicom"], 5, "value", /number/, /^$/],
  ["a name to listen at", ["port: 11112", "host: gate\n    port: 11112"], 5, "value", /IP address/, /127/],
  [
    "an unknown mode",
    ["listener: plain", "listener: plain\n    mode: enforced"],
    9,
    "value",
    /observe/,
    /enforce/,
  ],
  ["a wrong network", ["aeTitles: [CT1]", "networks: [10.1.2.3/16]"], 9, "value", /prefix/, /16/],
  ["no network", ["aeTitles: [CT1]", "networks: [ward]"], 9, "value", /CIDR/, /10/],
  [
    "a tolerance of lies",
    ["aeTitles: [CT1]", "tolerate: [tag-duplicate]"],
    9,
    "value",
    /tag-duplicate/,
    /tag-order/,
  ],
  ["a misspelt tolerance", ["aeTitles: [CT1]", "tolerate: [tag-oder]"], 9, "value", /tag-oder/, /tag-order/],
  [
    "a size without unit",
    ["home: home", "home: home\nlimits:\n  objectSize: 400"],
    4,
    "value",
    /size/,
    /MiB/,
  ],
  [
    "a size out of range",
    ["home: home", "home: home\nlimits:\n  objectSize: 9000 TiB"],
    4,
    "value",
    /from/,
    /^$/,
  ],
  ["a time without unit", ["home: home", "home: home\nlimits:\n  retryAfter: 5"], 4, "value", /time/, /s/],
  [
    "limits that contradict",
    ["home: home", "home: home\nlimits: {retryAfter: 1 h, retryAtMost: 1 min}"],
    3,
    "conflict",
    /longer/,
    /^$/,
  ],
  [
    "an object larger than the spool",
    ["home: home", "home: home\nlimits: {spoolSize: 1 GiB}"],
    3,
    "conflict",
    /larger/,
    /^$/,
  ],
  [
    "a source at no listener",
    ["listener: plain", "listener: plan"],
    8,
    "reference",
    /does not exist/,
    /plain/,
  ],
  [
    "two sources of a name",
    ["sources:", "sources:\n  - {name: ct1, listener: plain, aeTitles: [A]}"],
    8,
    "duplicate-name",
    /two sources/,
    /^$/,
  ],
  [
    "two listeners at a port",
    ["listeners:", "listeners:\n  - {name: a, port: 11112}"],
    6,
    "conflict",
    /both listen/,
    /^$/,
  ],
  ["a listener at the page's port", ["11112", "8112"], 1, "conflict", /http/, /^$/],
  [
    "certificates where none is seen",
    ["aeTitles: [CT1]", `certificates: [${"ab".repeat(32)}]`],
    9,
    "conflict",
    /no TLS/,
    /TLS/,
  ],
  ["a fingerprint cut short", ["aeTitles: [CT1]", "certificates: ['sha256:abcd']"], 9, "value", /64/, /^$/],
  [
    "itself as destination",
    ["sources:", "destinations:\n  - {name: a, host: localhost, port: 11112, aeTitle: A}\nsources:"],
    7,
    "conflict",
    /circle/,
    /^$/,
  ],
  [
    "a host name with an underscore, told without trying every way to read it",
    [
      "sources:",
      "destinations:\n  - {name: a, host: pacs.archive.production.hospital.radiology.example_org, port: 104, aeTitle: A}\nsources:",
    ],
    7,
    "value",
    /host name/,
    /^$/,
  ],
  [
    "a reading place that is asked to commit",
    [
      "sources:",
      "destinations:\n  - {name: r, host: pacs, port: 104, aeTitle: A, takes: released, commitment: {}}\nsources:",
    ],
    7,
    "conflict",
    /commits to nothing/,
    /^$/,
  ],
  [
    "reports of an archive at a listener that is not there",
    [
      "sources:",
      "destinations:\n  - {name: a, host: pacs, port: 104, aeTitle: A, commitment: {reports: {listener: plan}}}\nsources:",
    ],
    7,
    "reference",
    /destination a/,
    /plain/,
  ],
  [
    "an archive as a reading place",
    [
      "sources:",
      "destinations:\n  - {name: a, host: pacs, port: 104, aeTitle: A}\n  - {name: r, host: PACS, port: 104, aeTitle: A, takes: released}\nsources:",
    ],
    8,
    "conflict",
    /archive a/,
    /reading place/,
  ],
  ["no site", ["home: home", "home: nowhere"], 2, "site", /no site/, /init/],
  ["no listener", [/listeners:[\s\S]*/, "listeners:\n"], 3, "missing", /nobody/, /^$/],
  ["a journal that is none", ["home: home", "home: home\njournal: mysql"], 3, "value", /sqlite/, /^$/],
  ["a journal without URL", ["home: home", "home: home\njournal: {}"], 3, "missing", /postgres/, /variable/],
  [
    "a journal's URL that is none",
    ["home: home", "home: home\njournal: {postgres: 'http://x:secret@y'}"],
    3,
    "value",
    /postgres:/,
    /^$/,
  ],
  [
    "a variable that is not set",
    ["home: home", "home: home\njournal: {postgresFrom: NOWHERE}"],
    3,
    "environment",
    /NOWHERE/,
    /^$/,
  ],
  ["a tab", ["home: home", "\thome: home"], 2, "syntax", /[Tt]ab/, /spaces/],
  ["an alias", ["home: home", "home: &h home\ndata: *h"], 3, "syntax", /alias/, /write/],
  ["a tag", ["home: home", "home: !!js/function x"], 2, "syntax", /tag/, /remove/],
  ["two documents", ["home: home", "home: home\n---\n"], 3, "syntax", /document/, /one/],
  ["an open bracket", ["[CT1]", "[CT1"], 10, "syntax", /./, /^/],
];

export const tlsFaults: readonly Fault[] = [
  ["a source without certificate", ["    certificates: [other.pem]\n", ""], 11, "missing", /identity/, /PEM/],
  [
    "a file that is not there",
    ["certificate: gate.pem", "certificate: gat.pem"],
    7,
    "file",
    /no such file/,
    /relative/,
  ],
  [
    "a file that is no PEM",
    ["certificate: gate.pem", "certificate: nothing.pem"],
    7,
    "file",
    /no certificate/,
    /^$/,
  ],
  ["a key that is none", ["key: gate.key", "key: gate.pem"], 8, "file", /no private key/, /^$/],
  [
    "another certificate's key",
    ["key: gate.key", "key: other.key"],
    8,
    "certificate",
    /not the certificate's/,
    /^$/,
  ],
  [
    "a certificate that ended",
    ["certificate: gate.pem", "certificate: ended.pem"],
    7,
    "certificate",
    /2021-01-01/,
    /renew/,
  ],
  [
    "authorities that ended",
    ["clientAuthorities: gate.pem", "clientAuthorities: ended.pem"],
    9,
    "certificate",
    /ended/,
    /^$/,
  ],
  ["a source's certificate that ended", ["[other.pem]", "[ended.pem]"], 13, "certificate", /ended/, /renew/],
  [
    "one certificate of two sources",
    ["sources:", "sources:\n  - {name: b, listener: tls, certificates: [other.pem]}"],
    14,
    "duplicate-name",
    /source b/,
    /^$/,
  ],
];
