/** The section `alerts` of a gateway's configuration. */
import { isIP } from "node:net";
import type { WebhookSettings } from "../../operations/alerts/webhook-channel.ts";
import { type Placed, readTlsClient, type TlsClientSection } from "./config-peers.ts";
import { parseSection, type Section } from "./config-reader.ts";
import { textValue, variableValue } from "./config-values.ts";
import { clientTls, type Making } from "./section-settings.ts";

/** An environment variable that is not set costs its channel, not the gate, and no command that needs no alerts. */
export interface Unset {
  readonly unset: string;
}

export interface AlertSettings {
  readonly webhook: WebhookSettings | Unset | undefined;
}

interface WebhookSection extends Placed {
  readonly url: string | undefined;
  readonly urlFrom: string | undefined;
  readonly secretFrom: string | undefined;
  readonly tls: TlsClientSection | undefined;
}

export interface AlertsSection extends Placed {
  readonly webhook: WebhookSection | undefined;
}

/** Shorter ones can be tried out. */
const secretCharactersMin = 16;

export function readAlerts(section: Section): AlertsSection {
  const alerts = {
    at: (key?: string) => section.at(key),
    webhook: section.optional<WebhookSection | undefined>("webhook", parseSection(readWebhook), undefined),
  };
  if (!alerts.webhook) section.problems.error("missing", section.at(), '"alerts" names nowhere to send them');
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

export function alertSettings({ webhook }: AlertsSection, making: Making): AlertSettings {
  return { webhook: webhook && webhookSettings(webhook, making) };
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
  return host === "localhost" || host === "[::1]" || (isIP(host) === 4 && host.startsWith("127."));
}
