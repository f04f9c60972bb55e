#include "agent/workers/worker_channel.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>
#include <utility>

namespace edge::agent {

using boost::asio::local::stream_protocol;

struct WorkerChannel::Open : std::enable_shared_from_this<Open> {
    Open(boost::asio::io_context& io, std::uint32_t number, Fd fd, Listener& to)
        : socket(io, stream_protocol(), fd.release()), worker(number), listener(&to) {}

    void read() {
        socket.async_read_some(boost::asio::buffer(buffer),
                               [self = shared_from_this()](const boost::system::error_code& error, std::size_t got) {
                                   if (!self->listener) return;
                                   if (error) return self->listener->worker_hung_up(self->worker);
                                   self->frames.push({self->buffer.data(), got});
                                   if (self->take_frames()) self->read();
                               });
    }

    /// False when nothing more is to be read.
    bool take_frames() {
        while (listener) {
            auto text = frames.next();
            if (text && !text.value()) return true;
            auto frame = text ? worker::decode_frame(*text.value()) : Result<worker::Frame>(text.error());
            if (!frame) {
                listener->worker_broken(worker, frame.error());
                return listener != nullptr && text;  // after a wrong length there is no next frame to find
            }
            listener->worker_frame(worker, std::move(frame.value()));
        }
        return false;
    }

    /// Behind all that is handed out now: by one system call, and the worker is woken once.
    void flush_soon() {
        if (writing || std::exchange(flush_posted, true)) return;
        boost::asio::post(socket.get_executor(), [self = shared_from_this()] {
            self->flush_posted = false;
            if (self->listener) self->flush();
        });
    }

    void flush() {
        if (writing || waiting.empty()) return;
        writing = true;
        sending.swap(waiting);
        waiting.clear();
        boost::asio::async_write(socket, boost::asio::buffer(sending),
                                 [self = shared_from_this()](const boost::system::error_code& error, std::size_t) {
                                     self->writing = false;
                                     self->sending.clear();
                                     // A worker that died is noticed by reading: what it sent before comes first.
                                     if (!error && self->listener) self->flush();
                                 });
    }

    stream_protocol::socket socket;
    std::uint32_t worker;
    Listener* listener;
    worker::FrameReader frames;
    std::array<char, 64 * 1024> buffer{};
    std::string sending;
    std::string waiting;
    bool writing = false;
    bool flush_posted = false;
};

WorkerChannel::WorkerChannel(boost::asio::io_context& io, std::uint32_t worker, Fd socket, Listener& listener)
    : open_(std::make_shared<Open>(io, worker, std::move(socket), listener)) {
    open_->read();
}

WorkerChannel::~WorkerChannel() {
    open_->listener = nullptr;
    boost::system::error_code ignored;
    open_->socket.close(ignored);
}

void WorkerChannel::write(const worker::Frame& frame) {
    open_->waiting += worker::encode_frame(frame);
    open_->flush_soon();
}

}  // namespace edge::agent
