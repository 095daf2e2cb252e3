/** Who is logged in, for every part of a page; the tabs of a browser tell each other when that changes. */
import { forgetUnsent } from "@alltid-oppet/client";
import { type ComponentChildren, createContext, h } from "preact";
import { useCallback, useContext, useEffect, useMemo, useRef, useState } from "preact/hooks";
import { type Api, ApiError, type Session } from "./api";

export type SessionStatus =
  | { status: "loading" }
  | { status: "in"; session: Session }
  /** `ended` when somebody was logged in on this page before. */
  | { status: "out"; ended: boolean }
  | { status: "failed"; code: string };

interface SessionState {
  api: Api;
  state: SessionStatus;
  /** The session when there is one. */
  session: Session | null;
  reload: () => Promise<void>;
  chooseCommission: (commissionHsaId: string) => Promise<void>;
  actFor: (subject: string | null) => Promise<void>;
  logout: () => Promise<void>;
  /** A request was refused: when that was because nobody is logged in any more, the page says so. */
  refused: (error: unknown) => ApiError;
}

const Context = createContext<SessionState | null>(null);

export function useSession(): SessionState {
  const state = useContext(Context);
  if (!state) throw new Error("useSession outside SessionProvider");
  return state;
}

const CHANNEL = "alltid-oppet:session";

const LOGGED_OUT = "alltid-oppet:logged-out";

/** The next page of this tab thanks for the visit; the way there may lead over the identity provider. */
function rememberLogout(): void {
  try {
    sessionStorage.setItem(LOGGED_OUT, "1");
  } catch {
    // Storage is forbidden: then nobody is thanked.
  }
}

/** Whether somebody has just logged out in this tab; true once. */
export function takeLogout(): boolean {
  try {
    const was = sessionStorage.getItem(LOGGED_OUT) !== null;
    sessionStorage.removeItem(LOGGED_OUT);
    return was;
  } catch {
    return false;
  }
}

interface Props {
  api: Api;
  children: ComponentChildren;
  /** Where to go after logging out; tests look at it. */
  go?: (address: string) => void;
}

export function SessionProvider({ api, children, go = (address) => location.assign(address) }: Props) {
  const [state, setState] = useState<SessionStatus>({ status: "loading" });
  const wasIn = useRef(false);
  const channel = useRef<BroadcastChannel | null>(null);

  const put = useCallback((session: Session | null) => {
    if (session) wasIn.current = true;
    setState(session ? { status: "in", session } : { status: "out", ended: wasIn.current });
  }, []);
  const reload = useCallback(async () => {
    try {
      put(await api.session());
    } catch (error) {
      setState({ status: "failed", code: error instanceof ApiError ? error.code : "internal" });
    }
  }, [api]);
  const tell = (): void => channel.current?.postMessage("changed");

  useEffect(() => {
    void reload();
    const other = new BroadcastChannel(CHANNEL);
    channel.current = other;
    other.onmessage = () => void reload();
    // A page that comes back out of the browser's memory may show a person who has logged out since.
    const shown = (event: PageTransitionEvent): void => void (event.persisted && reload());
    addEventListener("pageshow", shown);
    return () => {
      other.close();
      removeEventListener("pageshow", shown);
    };
  }, [reload]);

  const value = useMemo<SessionState>(
    () => ({
      api,
      state,
      session: state.status === "in" ? state.session : null,
      reload,
      chooseCommission: async (id) => {
        put(await api.chooseCommission(id));
        tell();
      },
      actFor: async (subject) => {
        put(await api.actFor(subject));
        tell();
      },
      logout: async () => {
        const staff = state.status === "in" && state.session.kind === "staff";
        let redirect: string | null = null;
        try {
          redirect = (await api.logout()).end_session_url;
        } catch (error) {
          // Whoever is logged out already is where they wanted to be.
          if (!(error instanceof ApiError && error.needsLogin)) throw error;
        }
        tell();
        forgetUnsent();
        rememberLogout();
        go(redirect ?? (staff ? "/portal" : "/"));
      },
      refused: (error) => {
        const refusal = error instanceof ApiError ? error : new ApiError("internal", 0);
        if (refusal.needsLogin) put(null);
        return refusal;
      },
    }),
    [api, state, reload],
  );
  return h(Context.Provider, { value }, children);
}
