#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>

#include "cli/batch/csv.hpp"
#include "cli/batch/node_file.hpp"
#include "cli/commands/things.hpp"
#include "cli/commands/token_flags.hpp"

namespace edge::cli {
namespace {

constexpr std::size_t kMostFile = 4 * 1024 * 1024;
constexpr std::size_t kMostBody = 1024 * 1024;  // of a request
constexpr std::size_t kProblemsShown = 20;

/// A file of its owner's alone that was not there before: what is written into it is shown by the broker this once.
class NewFile {
  public:
    static Answer<NewFile> make(const std::string& path) {
        const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        if (fd >= 0) return NewFile(path, fd);
        return Trouble{ExitCode::error, path + ": " + std::strerror(errno),
                       errno == EEXIST ? "tokens are not written over a file; name another one with --out" : ""};
    }
    NewFile(NewFile&& other) noexcept : path_(std::move(other.path_)), fd_(std::exchange(other.fd_, -1)) {}
    NewFile& operator=(NewFile&&) = delete;
    ~NewFile() {
        if (fd_ < 0) return;
        ::close(fd_);
        if (!is_kept_) ::unlink(path_.c_str());
    }

    Answer<> write(std::string_view text) {
        while (!text.empty()) {
            const ssize_t size = ::write(fd_, text.data(), text.size());
            if (size < 0 && errno == EINTR) continue;
            if (size < 0) return trouble();
            text.remove_prefix(static_cast<std::size_t>(size));
        }
        if (::fsync(fd_) != 0 && errno != EINVAL && errno != ENOTSUP) return trouble();
        is_kept_ = true;
        return boost::outcome_v2::success();
    }

  private:
    NewFile(std::string path, int fd) : path_(std::move(path)), fd_(fd) {}
    Trouble trouble() const {
        return {ExitCode::error, path_ + ": " + std::strerror(errno),
                "the tokens are made and lost with that; nobody has them: make them anew"};
    }

    std::string path_;
    int fd_ = -1;
    bool is_kept_ = false;
};

Answer<std::string> text_of_file(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    std::ostringstream text;
    if (file) text << file.rdbuf();
    if (!file.is_open()) return Trouble{ExitCode::usage, path + ": " + std::strerror(errno)};
    if (text.str().size() > kMostFile) return Trouble{ExitCode::usage, path + ": more than 4 MiB; split the file"};
    return text.str();
}

Answer<std::vector<ListedNode>> nodes_of(const std::string& path, const Screen& screen) {
    EDGE_TRY(const auto text, text_of_file(path));
    NodeFile file = read_node_file(text);
    if (file.problems.empty()) return std::move(file.nodes);
    for (std::size_t i = 0; i < std::min(file.problems.size(), kProblemsShown); ++i)
        screen.say(path + ":" + printable(file.problems[i]));
    const auto count = file.problems.size();
    return usage(path + ": " + std::to_string(count) + (count == 1 ? " problem" : " problems") + "; nothing was made",
                 "mend the file and run the same command");
}

Json list_of(const std::vector<ListedNode>& nodes) {
    Json list = Json::array();
    for (const auto& node : nodes) {
        Json item = {{"name", node.name.text()}};
        if (!node.labels.empty()) item["labels"] = node.labels;
        list.push_back(std::move(item));
    }
    return list;
}

/// For a shell, whatever a broker has put into it.
std::string one_word(const std::string& text) {
    std::string word = "'";
    for (const char c : text) word += c == '\'' ? "'\\''" : std::string(1, c);
    return word + "'";
}

/// What somebody runs on the node, as root: the token is in no list of processes, since printf is the shell's own.
std::string command_for(const std::string& token, const std::string& url, const std::string& name) {
    return "printf '%s\\n' " + one_word(token) + " | runuser -u edge-agent -- edge-agent enroll " + one_word(url) +
           " --token-file -" + (name.empty() ? "" : " --name " + name) + " --config /etc/edge/agent.toml";
}

std::string line_for(bool as_lines, const std::string& name, const std::string& token, const std::string& command) {
    if (!as_lines) return csv_line({name, token, command});
    return dump_json(Json{{"name", name}, {"token", token}, {"command", command}}) + "\n";
}

}  // namespace

void EnrollBatchCommand::add_to(Syntax& edgectl) {
    struct Given : EnrollBatchCommand {
        GivenTerms terms_given;
    };
    const auto given = std::make_shared<Given>();
    auto syntax =
        edgectl.add("enroll-batch", "FILE --out FILE", "join tokens for the nodes of a CSV file, all or none");
    syntax.text("file", "FILE", given->file,
                "its first line names the columns: name, then labels, as name,province,city");
    syntax.text("--out", "FILE", given->out,
                "a new file, its owner's alone: name, token and command of each node; CSV, or lines of JSON as .jsonl");
    syntax.flag("--one-token", given->one_token, "one token for all of them, that takes the names of the file alone");
    add_terms(syntax, given->terms_given);
    syntax.when_named([given]() -> Answer<Command> {
        const std::string example = "edgectl enroll-batch nodes.csv --out tokens.csv --ttl 24h";
        if (given->file.empty()) return usage("enroll-batch: which file?", example);
        if (given->out.empty()) return usage("enroll-batch: --out names the file for the tokens", example);
        EDGE_TRY(given->terms, terms_of(given->terms_given));
        return EnrollBatchCommand(*given);
    });
}

Answer<ExitCode> EnrollBatchCommand::carry_out(Client& client, const Screen& screen) const {
    EDGE_TRY(const auto nodes, nodes_of(file, screen));
    Json body = body_of(terms);
    body["nodes"] = list_of(nodes);
    if (const auto size = dump_json(body).size(); size > kMostBody)
        return usage(file + ": " + std::to_string(size) + " bytes as one request, and the broker takes 1048576",
                     "put labels that all nodes have into --label, or split the file");
    EDGE_TRY(auto made_file, NewFile::make(out));  // first of all: a token that cannot be written down is lost
    EDGE_TRY(const auto made,
             asked(client, "POST", one_token ? "/api/v1/join-tokens" : "/api/v1/join-tokens:batch", 201, body));
    const std::string url = text_at(made, "gateway_url");
    const Json& items = member(made, "items");
    const bool as_lines = out.ends_with(".jsonl");
    std::string text = as_lines ? std::string() : csv_line({"name", "token", "command"});
    for (std::size_t i = 0; i < nodes.size(); ++i) {
        const std::string& name = nodes[i].name.text();
        const Json& of_it = one_token ? made : i < items.size() ? items[i] : Json();
        if (!one_token && text_at(of_it, "node") != name)
            return Trouble{ExitCode::error, "the broker's answer has no token for " + name,
                           "is it of another version?"};
        const std::string token = text_at(of_it, "token");
        text += line_for(as_lines, name, token, command_for(token, url, one_token ? name : std::string()));
    }
    EDGE_TRY(made_file.write(text));
    const Json& first = one_token ? made : items.front();
    screen.say((one_token ? "one join token for " : "join tokens for ") + std::to_string(nodes.size()) +
               (nodes.size() == 1 ? " node" : " nodes") + ", until " + printable(text_at(first, "expires_at")) +
               ", in " + out + "; what each runs is in its column \"command\"");
    return ExitCode::ok;
}

}  // namespace edge::cli
