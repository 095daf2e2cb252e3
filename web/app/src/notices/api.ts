/** The routes of one's own contact (docs/http.md). */
import type { Api } from "../api";

export type Place = "sms" | "email";

export interface Contact {
  /** E.164; empty: none. */
  phone: string;
  email: string;
  language: "sv" | "en";
  /** How many browsers are told by push. */
  browsers: number;
}

export interface ContactApi {
  read(): Promise<Contact>;
  sendCode(channel: Place, to: string): Promise<void>;
  confirm(code: string): Promise<Contact>;
  forget(channel: Place): Promise<Contact>;
  speak(language: Contact["language"]): Promise<Contact>;
  /** The push service's key; null: there is no web push. */
  pushKey(): Promise<string | null>;
  subscribe(subscription: PushSubscriptionJSON): Promise<void>;
  unsubscribe(endpoint: string): Promise<void>;
}

export function contactApi(api: Api): ContactApi {
  return {
    read: () => api.request("GET", "/api/contact"),
    sendCode: (channel, to) => api.request("POST", "/api/contact/codes", { channel, to }),
    confirm: (code) => api.request("POST", "/api/contact/confirm", { code }),
    forget: (channel) => api.request("PATCH", "/api/contact", { forget: channel }),
    speak: (language) => api.request("PATCH", "/api/contact", { language }),
    pushKey: async () => (await api.request<{ key: string | null }>("GET", "/api/push-key")).key,
    subscribe: ({ endpoint, keys }) => api.request("POST", "/api/push-subscriptions", { endpoint, keys }),
    unsubscribe: (endpoint) => api.request("DELETE", "/api/push-subscriptions", { endpoint }),
  };
}
