/** Monday 23 November 2026, 13:20 in Sweden. Pages are put at this instant too, by Playwright's clock. */
export const NOW = Date.UTC(2026, 10, 23, 12, 20) / 1000;
