import { type RefObject } from "preact";
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import type { Box } from "../layout/grid";

/** The size of an element's content box, in CSS pixels. */
export function useSize<Element extends HTMLElement>(): [RefObject<Element | null>, Box] {
  const ref = useRef<Element>(null);
  const [size, setSize] = useState<Box>({ width: 0, height: 0 });
  useLayoutEffect(() => {
    const element = ref.current!;
    const measure = (): void => setSize({ width: element.clientWidth, height: element.clientHeight });
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    measure();
    return () => observer.disconnect();
  }, []);
  return [ref, size];
}
