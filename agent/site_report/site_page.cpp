#include "agent/site_report/site_page.hpp"

#include <cstdio>

namespace edge::agent {
namespace {

struct Text {
    const char *en, *zh;
};

class Page {
  public:
    explicit Page(Language language) : language_(language) {}

    std::string of(Text text) const { return language_ == Language::en ? text.en : text.zh; }
    void heading(Text text) { out_ += "\n## " + of(text) + "\n\n"; }
    void say(const std::string& text) { out_ += text + "\n"; }
    void item(const std::string& what, const std::string& undo) {
        out_ += "- `" + what + "`\n";
        if (!undo.empty()) out_ += "  " + of({"undo: ", "撤销: "}) + "`" + undo + "`\n";
    }
    void none() { say(of({"None.", "无。"})); }
    std::string take() { return std::move(out_); }

  private:
    Language language_;
    std::string out_;
};

std::string hex(std::uint32_t value) {
    char text[16];
    std::snprintf(text, sizeof text, "0x%x", value);
    return text;
}

/// Without the ` proto 237` by which ours are known: ip(8) takes it for a selector only in newer versions.
std::string without_proto(std::string line) {
    if (const auto at = line.find(" proto "); at != std::string::npos) {
        const auto end = line.find(' ', at + 7);
        line.erase(at, end == std::string::npos ? end : end - at);
    }
    while (!line.empty() && line.back() == ' ') line.pop_back();
    return line;
}

void show_lines(Page& page, const SiteFacts& facts) {
    page.heading({"Lines", "线路"});
    page.say(
        page.of({"Their devices and addresses are the machine's own, but for those that are said to be made by EDGE.",
                 "除注明由 EDGE 创建的以外，设备和地址均为本机原有。"}));
    for (const auto& line : facts.lines) {
        std::string all;
        for (const auto& address : line.addresses) all += " " + address;
        page.say("- `" + line.name + "`: " + line.device + all + ", mark " + hex(line.mark) + ", table " +
                 std::to_string(line.table) + ", " + page.of({"held by ", "由内核约束: "}) + line.enforced_by);
        if (!line.netns.empty())
            page.say("  " + page.of({"in network namespace ", "位于网络命名空间 "}) + "`" + line.netns + "`" +
                     page.of({", with its rules and routes, which have protocol 237; undo: ",
                              "，其规则和路由也在其中，协议号为 237；撤销: "}) +
                     "`edge-launcher --cleanup --cgroup " + facts.group_name + "`");
        if (!line.parent.empty())
            page.say("  " + page.of({"made by EDGE: macvlan ", "由 EDGE 创建: macvlan "}) + "`" + line.device + "` (" +
                     line.parent + "), " + page.of({"undo: ", "撤销: "}) + "`ip link del " + line.device + "`");
    }
    if (facts.lines.empty()) page.none();
}

void show_routing(Page& page, const SiteFacts& facts) {
    page.heading({"Routing rules", "路由规则"});
    for (const auto& rule : facts.rules4) page.item(rule, undo_of_rule(rule, false));
    for (const auto& rule : facts.rules6) page.item(rule, undo_of_rule(rule, true));
    if (facts.rules4.empty() && facts.rules6.empty()) page.none();
    page.heading({"Routes", "路由"});
    for (const auto& route : facts.routes4) page.item(route, undo_of_route(route, false));
    for (const auto& route : facts.routes6) page.item(route, undo_of_route(route, true));
    if (facts.routes4.empty() && facts.routes6.empty()) page.none();
}

void show_groups(Page& page, const SiteFacts& facts) {
    page.heading({"Control groups and guards", "控制组与内核约束"});
    page.say(page.of({"Each line's group carries the programs that hold it; they go with the group.",
                      "每条线路的控制组带有约束程序，随控制组一并移除。"}));
    const std::string undo = "systemctl stop edge-launcher; edge-launcher --cleanup --cgroup " + facts.group_name;
    for (const auto& group : facts.groups) page.item(group, undo);
    if (facts.groups.empty()) page.none();
}

void show_limits(Page& page, const SiteFacts& facts) {
    page.heading({"Users and limits", "用户与限额"});
    page.say("- uid " + std::to_string(facts.first_uid) + "-" + std::to_string(facts.last_uid) + ": " +
             page.of({"one for each worker while it runs; none is in /etc/passwd, none owns a file",
                      "每个工作进程运行时占用一个，不写入 /etc/passwd，不拥有任何文件"}));
    page.say("- " + page.of({"each worker at most: ", "每个工作进程上限: "}) + "CPU " +
             std::to_string(facts.cpu_percent) + " %, " + std::to_string(facts.memory_mb) + " MiB, " +
             std::to_string(facts.pids) +
             page.of({" processes; after all other work of the host", " 个进程；优先级低于本机其他任务"}));
    const auto ceiling = [&](std::uint64_t value, const char* unit) {
        return value == 0 ? page.of({"no ceiling", "无上限"}) + " (" + unit + ")" : std::to_string(value) + " " + unit;
    };
    page.say("- " + page.of({"each line sends at most: ", "每条线路发送上限: "}) + ceiling(facts.bytes_per_s, "B/s") +
             ", " + ceiling(facts.packets_per_s, "packets/s") + "\n  " + page.of({"change: ", "修改: "}) + "`[line]` " +
             page.of({"of", "见"}) + " `policy.toml`");
}

void show_rest(Page& page, const SiteFacts& facts) {
    page.heading({"Kernel settings", "内核参数"});
    page.say(page.of({"EDGE changes none. It needs this one, which the operator sets:",
                      "EDGE 不修改内核参数。以下一项由运维人员设置:"}));
    page.say("- `net.ipv4.ping_group_range = " + facts.ping_group_range + "`");
    page.heading({"Network", "网络"});
    page.say(
        page.of({"It listens on no port. One outbound TLS connection: ", "不监听任何端口。唯一的出站 TLS 连接: "}) +
        (facts.broker.empty() ? page.of({"none; not joined", "无；尚未注册"}) : "`" + facts.broker + "`"));
    page.heading({"Files", "文件"});
    for (const auto& file : facts.files) page.item(file, "rm -r " + file);
    page.heading({"Everything at once", "全部移除"});
    page.say("```\nsystemctl stop edge-agent edge-launcher\nedge-launcher --cleanup --cgroup " + facts.group_name +
             "\n```");
}

}  // namespace

std::string undo_of_rule(const std::string& line, bool v6) {
    const auto colon = line.find(':');
    const auto rest = colon == std::string::npos ? colon : line.find_first_not_of(" \t", colon + 1);
    if (rest == std::string::npos) return {};
    return std::string("ip ") + (v6 ? "-6 " : "") + "rule del pref " + line.substr(0, colon) + " " +
           without_proto(line.substr(rest));
}

std::string undo_of_route(const std::string& line, bool v6) {
    if (line.empty()) return {};
    const std::string rest = without_proto(line);
    const auto extras = rest.find(" pref ");  // ip -6 prints the router preference, and does not take it back
    return std::string("ip ") + (v6 ? "-6 " : "") + "route del " + rest.substr(0, extras);
}

std::string site_page(const SiteFacts& facts, Language language) {
    Page page(language);
    page.say("# " + page.of({"What EDGE has put on ", "EDGE 在本机上的全部内容: "}) + facts.host);
    page.say("\n" +
             page.of({"As it stands now, from the kernel and edge-launcher. Kernel ",
                      "以下为当前实际状态，来自内核和 edge-launcher。内核 "}) +
             facts.kernel + page.of({".", "。"}));
    show_lines(page, facts);
    show_routing(page, facts);
    show_groups(page, facts);
    show_limits(page, facts);
    show_rest(page, facts);
    return page.take();
}

}  // namespace edge::agent
