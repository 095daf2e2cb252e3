import type { Conversation } from "@alltid-oppet/client";
import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { ApiError } from "../api";
import type { CaseApi } from "./api";
import type { Case } from "./types";

export type OneCase = { status: "loading" } | { status: "here"; one: Case } | { status: "failed"; error: ApiError };

/** One case, asked for again whenever its conversation says that it has changed; `known` is shown meanwhile. */
export function useCase(
  api: CaseApi,
  caseId: string,
  conversation: Conversation | null,
  refused: (error: unknown) => ApiError,
  onRead: (one: Case) => void,
): { state: OneCase; put: (one: Case) => void; again: () => Promise<void> } {
  const [state, setState] = useState<OneCase>({ status: "loading" });
  const turn = useRef(0);
  /** The newest version that the conversation has told of. */
  const told = useRef(0);
  const tell = useRef(onRead);
  tell.current = onRead;
  const put = useCallback((one: Case) => {
    turn.current += 1;
    setState((before) => (before.status === "here" && before.one.case_id === one.case_id && before.one.version > one.version ? before : { status: "here", one }));
    tell.current(one);
  }, []);
  const again = useCallback(async (unasked = false) => {
    const mine = ++turn.current;
    try {
      const one = await api.read(caseId, unasked);
      if (turn.current !== mine) return;
      put(one);
      if (told.current > one.version) void again(true);
    } catch (error) {
      const refusal = refused(error);
      if (turn.current === mine) setState((before) => (before.status === "here" && refusal.isPassing ? before : { status: "failed", error: refusal }));
    }
  }, [api, caseId]);
  useEffect(() => {
    setState({ status: "loading" });
    told.current = 0;
    void again();
    return () => {
      turn.current += 1;
    };
  }, [again]);
  // A conversation that opens brings its past; what has happened since is asked for once.
  const version = useRef(0);
  version.current = state.status === "here" ? state.one.version : 0;
  useEffect(
    () =>
      conversation?.on("system", ({ body }) => {
        told.current = Math.max(told.current, Number(body["version"]) || 0);
        if (version.current > 0 && told.current > version.current) void again(true);
      }),
    [conversation, again],
  );
  return { state, put, again };
}
