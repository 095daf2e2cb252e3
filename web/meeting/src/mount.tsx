import "@digdir/designsystemet-web/dialog";
import type { MeetingClient } from "@alltid-oppet/client";
import { render } from "preact";
import { Meeting } from "./Meeting";
import { LanguageProvider } from "./i18n/context";
import { DEFAULT_LANGUAGE, type Language } from "./i18n/messages";
import "./styles/index.css";

/** An element that carries a meeting; `client` is the present visit's client. */
export type MeetingElement = HTMLElement & { client?: MeetingClient };

export interface MountOptions {
  url: string;
  token: string;
  freshToken?: () => Promise<string>;
  language?: Language;
  /** The person chose a language: the page around may follow. */
  onLanguage?: (language: Language) => void;
}

/** Put a meeting into an element. The returned function takes it out again and leaves the meeting. */
export function mountMeeting(element: MeetingElement, options: MountOptions): () => void {
  const { url, token, freshToken, language = DEFAULT_LANGUAGE, onLanguage = () => undefined } = options;
  render(
    <LanguageProvider initial={language} onChange={onLanguage}>
      <Meeting url={url} token={token} freshToken={freshToken} onClient={(client) => (element.client = client)} />
    </LanguageProvider>,
    element,
  );
  return () => {
    element.client?.leave();
    element.client?.media.stop();
    delete element.client;
    render(null, element);
  };
}
