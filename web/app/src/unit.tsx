import { mountPage } from "./mount";
import { UnitPage } from "./unit/UnitPage";

mountPage("title_unit", <UnitPage />);
