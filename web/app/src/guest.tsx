import { GuestPage } from "./guest/GuestPage";
import { mountPage } from "./mount";

mountPage("title_guest", <GuestPage />);
