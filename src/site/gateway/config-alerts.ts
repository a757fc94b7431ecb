/** The section `alerts` of a gateway's configuration. */
import { isIP } from "node:net";
import type { MailSettings } from "../../operations/alerts/mail-channel.ts";
import type { WebhookSettings } from "../../operations/alerts/webhook-channel.ts";
import type { SyslogTarget } from "../../operations/audit/syslog-sender.ts";
import { readSyslog, type SyslogSection, syslogTarget } from "./config-audit.ts";
import { type Placed, readTlsClient, type TlsClientSection } from "./config-peers.ts";
import { type Parse, parseList, parseSection, parseText, Refusal, type Section } from "./config-reader.ts";
import { hostValue, portValue, textValue, variableValue, wordValue } from "./config-values.ts";
import { clientTls, type Making } from "./section-settings.ts";

/** An environment variable that is not set costs its channel, not the gate, and no command that needs no alerts. */
export interface Unset {
  readonly unset: string;
}

export interface AlertSettings {
  readonly webhook: WebhookSettings | Unset | undefined;
  readonly mail: MailSettings | Unset | undefined;
  readonly syslog: SyslogTarget | undefined;
}

interface WebhookSection extends Placed {
  readonly url: string | undefined;
  readonly urlFrom: string | undefined;
  readonly secretFrom: string | undefined;
  readonly tls: TlsClientSection | undefined;
}

interface MailSection extends Placed {
  readonly host: string;
  readonly port: number | undefined;
  readonly transport: MailSettings["transport"];
  readonly tls: TlsClientSection | undefined;
  readonly from: string;
  readonly to: readonly string[];
  readonly userFrom: string | undefined;
  readonly passwordFrom: string | undefined;
}

export interface AlertsSection extends Placed {
  readonly webhook: WebhookSection | undefined;
  readonly mail: MailSection | undefined;
  readonly syslog: SyslogSection | undefined;
}

/** RFC 8314 3.3, RFC 6409 3.1, RFC 5321 4.5.4.2. */
const mailPorts: Readonly<Record<MailSettings["transport"], number>> = { tls: 465, starttls: 587, tcp: 25 };
/** A group of a mail server reaches more. */
const recipientsMax = 20;

/** RFC 5321 4.1.2 without quotes, comments, address literals and what is not ASCII. */
const addressValue: Parse<string> = parseText((text) =>
  text.length <= 254 &&
  /^[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}@[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$/.test(text)
    ? text
    : new Refusal("must be an address such as pacs-on-call@hospital.example, without a name"),
);

/** Shorter ones can be tried out. */
const secretCharactersMin = 16;

export function readAlerts(section: Section): AlertsSection {
  const alerts = {
    at: (key?: string) => section.at(key),
    webhook: section.optional<WebhookSection | undefined>("webhook", parseSection(readWebhook), undefined),
    mail: section.optional<MailSection | undefined>("mail", parseSection(readMail), undefined),
    syslog: section.optional<SyslogSection | undefined>(
      "syslog",
      parseSection((server) => readSyslog(server, "syslog")),
      undefined,
    ),
  };
  if (!alerts.webhook && !alerts.mail && !alerts.syslog)
    section.problems.error("missing", section.at(), '"alerts" names nowhere to send them');
  return alerts;
}

function readWebhook(section: Section): WebhookSection {
  const webhook = {
    at: (key?: string) => section.at(key),
    url: section.optional<string | undefined>("url", textValue, undefined),
    urlFrom: section.optional<string | undefined>("urlFrom", variableValue, undefined),
    secretFrom: section.optional<string | undefined>("secretFrom", variableValue, undefined),
    tls: section.optional<TlsClientSection | undefined>("tls", parseSection(readTlsClient), undefined),
  };
  if ((webhook.url === undefined) === (webhook.urlFrom === undefined))
    section.problems.error(
      "missing",
      section.at(),
      'the webhook needs either "url" or "urlFrom"',
      "urlFrom: NAME takes the address from an environment variable, where it holds a token",
    );
  return webhook;
}

function readMail(section: Section): MailSection {
  const mail = {
    at: (key?: string) => section.at(key),
    host: section.required("host", hostValue, ""),
    port: section.optional<number | undefined>("port", portValue, undefined),
    transport: section.optional<MailSettings["transport"]>(
      "transport",
      wordValue(["starttls", "tls", "tcp"]),
      "starttls",
    ),
    tls: section.optional<TlsClientSection | undefined>("tls", parseSection(readTlsClient), undefined),
    from: section.required("from", addressValue, ""),
    to: section.required("to", parseList(addressValue), []),
    userFrom: section.optional<string | undefined>("userFrom", variableValue, undefined),
    passwordFrom: section.optional<string | undefined>("passwordFrom", variableValue, undefined),
  };
  const { problems } = section;
  const { transport, tls, to, userFrom, passwordFrom, host } = mail;
  if (section.has("to") && (to.length === 0 || to.length > recipientsMax))
    problems.error("value", section.at("to"), `"to" must have 1 to ${recipientsMax} addresses`);
  if ((userFrom === undefined) !== (passwordFrom === undefined))
    problems.error("missing", section.at(), '"userFrom" and "passwordFrom" go together');
  if (transport === "tcp" && tls)
    problems.error("conflict", section.at("tls"), '"tls" does not go with transport tcp');
  if (transport === "tcp" && passwordFrom !== undefined)
    problems.error(
      "conflict",
      section.at("passwordFrom"),
      "a password must not go over the network in clear",
    );
  else if (transport === "tcp" && host !== "" && !isThisMachine(host))
    problems.warn("exposed", section.at("transport"), "alerts go over the network in clear", "starttls");
  return mail;
}

export function alertSettings({ webhook, mail, syslog }: AlertsSection, making: Making): AlertSettings {
  return {
    webhook: webhook && webhookSettings(webhook, making),
    mail: mail && mailSettings(mail, making),
    syslog: syslog && syslogTarget(syslog, making),
  };
}

function mailSettings(section: MailSection, making: Making): MailSettings | Unset {
  const { host, transport, port = mailPorts[transport], tls, from, to, userFrom, passwordFrom, at } = section;
  const settings = { host, port, transport, tls: tls && clientTls(tls, making), from, to };
  if (userFrom === undefined || passwordFrom === undefined) return { ...settings, login: undefined };
  const user = variable(userFrom, at("userFrom"), making);
  const pass = variable(passwordFrom, at("passwordFrom"), making);
  if (typeof user !== "string") return user;
  if (typeof pass !== "string") return pass;
  return { ...settings, login: { user, pass } };
}

function webhookSettings(section: WebhookSection, making: Making): WebhookSettings | Unset {
  const { url: written = "", urlFrom, secretFrom, tls, at } = section;
  const { problems } = making;
  const urlKey = urlFrom === undefined ? "url" : "urlFrom";
  const url = urlFrom === undefined ? written : variable(urlFrom, at("urlFrom"), making);
  if (typeof url !== "string") return url;
  const parsed = requireAddress(url, at(urlKey), making);
  if (tls && parsed?.protocol === "http:")
    problems.error("conflict", at("tls"), '"tls" does not go with an address in clear');
  const secret = secretFrom === undefined ? undefined : variable(secretFrom, at("secretFrom"), making);
  if (typeof secret === "object") return secret;
  if (secret !== undefined && secret.length < secretCharactersMin)
    problems.error(
      "value",
      at("secretFrom"),
      `the secret in ${secretFrom} must have at least ${secretCharactersMin} characters`,
    );
  return { url, secret, tls: tls && clientTls(tls, making) };
}

/** What is wrong with it is not repeated: it may hold a token. */
function requireAddress(url: string, at: number, { problems }: Making): URL | undefined {
  const parsed = URL.parse(url);
  if (!parsed || !/^https?:$/.test(parsed.protocol))
    problems.error("value", at, "the webhook's address must be https://host/path");
  else if (parsed.username !== "" || parsed.password !== "")
    problems.error(
      "secret",
      at,
      "a password does not belong in the address",
      "urlFrom: VARIABLE, with a token in its path",
    );
  else if (parsed.protocol === "http:" && !isThisMachine(parsed.hostname))
    problems.warn("exposed", at, "alerts go over the network in clear", "https://");
  return parsed ?? undefined;
}

function variable(name: string, at: number, { environment, problems }: Making): string | Unset {
  const value = environment[name];
  if (value !== undefined && value !== "") return value;
  problems.warn("environment", at, `the environment variable ${name} is not set: no alerts go this way`);
  return { unset: name };
}

function isThisMachine(host: string): boolean {
  return (
    host === "localhost" ||
    host === "::1" ||
    host === "[::1]" ||
    (isIP(host) === 4 && host.startsWith("127."))
  );
}
