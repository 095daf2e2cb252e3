import { BookingsPage } from "./bookings/BookingsPage";
import { mountPage } from "./mount";

mountPage("title_bookings", <BookingsPage />);
