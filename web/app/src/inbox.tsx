import { InboxPage } from "./inbox/InboxPage";
import { mountPage } from "./mount";

mountPage("title_inbox", <InboxPage />);
