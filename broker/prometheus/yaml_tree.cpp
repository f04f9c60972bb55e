#include "broker/prometheus/yaml_tree.hpp"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <map>
#include <sstream>

namespace edge::broker::prometheus {
namespace {

/// How this file leaves yaml-cpp's parser, which recurses once a level and knows no limits of ours.
struct Refused {
    Errc code;
    int line;
    std::string why;
};

class TreeBuilder final : public YAML::EventHandler {
  public:
    explicit TreeBuilder(const YamlLimits& limits) : limits_(limits) {}

    YamlPtr root() const { return root_; }

    void OnDocumentStart(const YAML::Mark&) override {}
    void OnDocumentEnd() override {}
    void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
        put(made(YamlNode::Kind::null, mark, anchor));
    }
    void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
        line_ = mark.line + 1;
        if (++aliases_ > limits_.aliases) throw Refused{Errc::too_large, line_, "too many aliases"};
        const auto named = anchors_.find(anchor);
        const bool is_open = std::ranges::any_of(
            open_, [&](const Open& one) { return named != anchors_.end() && one.node == named->second; });
        if (named == anchors_.end() || is_open) throw Refused{Errc::bad_value, line_, "an alias of what it stands in"};
        put(named->second);
    }
    void OnScalar(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                  const std::string& value) override {
        auto node = made(YamlNode::Kind::scalar, mark, anchor);
        node->text = value;
        put(std::move(node));
    }
    void OnSequenceStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                         YAML::EmitterStyle::value) override {
        begin(made(YamlNode::Kind::list, mark, anchor));
    }
    void OnSequenceEnd() override { end(); }
    void OnMapStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                    YAML::EmitterStyle::value) override {
        begin(made(YamlNode::Kind::map, mark, anchor));
    }
    void OnMapEnd() override { end(); }

  private:
    using Node = std::shared_ptr<YamlNode>;  // owners: the tree, an anchor
    struct Open {
        Node node;
        YamlPtr key;  // of a map, whose value comes next
    };

    Node made(YamlNode::Kind kind, const YAML::Mark& mark, YAML::anchor_t anchor) {
        if (mark.line >= 0) line_ = mark.line + 1;  // a value that is not there has no place
        if (++nodes_ > limits_.nodes) throw Refused{Errc::too_large, line_, "too many values"};
        auto node = std::make_shared<YamlNode>();
        node->kind = kind;
        node->line = line_;
        if (anchor != YAML::NullAnchor) anchors_[anchor] = node;
        return node;
    }
    void begin(Node node) {
        if (open_.size() >= limits_.depth) throw Refused{Errc::too_large, line_, "nested too deep"};
        open_.push_back({std::move(node), nullptr});
    }
    void end() {
        Node node = std::move(open_.back().node);
        open_.pop_back();
        put(std::move(node));
    }
    void put(YamlPtr node) {
        if (open_.empty()) {
            root_ = std::move(node);
            return;
        }
        auto& [into, key] = open_.back();
        if (into->kind == YamlNode::Kind::list) {
            into->items.push_back(std::move(node));
        } else if (key) {
            into->fields.emplace_back(std::exchange(key, nullptr), std::move(node));
        } else {
            key = checked_key(*into, std::move(node));
        }
    }
    YamlPtr checked_key(const YamlNode& map, YamlPtr key) const {
        if (key->kind != YamlNode::Kind::scalar) throw Refused{Errc::bad_value, line_, "a key is one word"};
        for (const auto& [other, value] : map.fields) {
            if (other->text == key->text)
                throw Refused{Errc::bad_value, line_, "\"" + key->text.substr(0, 64) + "\" stands there twice"};
        }
        return key;
    }

    const YamlLimits& limits_;
    YamlPtr root_;
    std::vector<Open> open_;
    std::map<YAML::anchor_t, Node> anchors_;
    std::size_t nodes_ = 0;
    std::size_t aliases_ = 0;
    int line_ = 1;
};

}  // namespace

Result<YamlPtr> parse_yaml(std::string_view text, const std::string& file, const YamlLimits& limits) {
    const auto wrong = [&file](Errc code, int line, std::string why) {
        return Error{code, file + ":" + std::to_string(line), std::move(why)};
    };
    if (text.size() > limits.bytes) return wrong(Errc::too_large, 1, "the file is too large");
    if (text.find('\0') != std::string_view::npos) return wrong(Errc::bad_syntax, 1, "a NUL");
    try {
        std::istringstream stream{std::string(text)};
        YAML::Parser parser(stream);
        TreeBuilder first(limits);
        if (!parser.HandleNextDocument(first) || !first.root()) return std::make_shared<const YamlNode>();
        TreeBuilder second(limits);
        if (parser.HandleNextDocument(second) && second.root() && second.root()->kind != YamlNode::Kind::null)
            return wrong(Errc::bad_value, second.root()->line, "a second document; one is read");
        return first.root();
    } catch (const Refused& refused) {
        return wrong(refused.code, refused.line, refused.why);
    } catch (const YAML::Exception& error) {
        return wrong(Errc::bad_syntax, std::max(error.mark.line, 0) + 1, error.msg);
    }
}

}  // namespace edge::broker::prometheus
