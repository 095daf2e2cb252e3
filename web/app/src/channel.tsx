import { ChannelPage } from "./channel/ChannelPage";
import { mountPage } from "./mount";

mountPage("title_channel", <ChannelPage />);
