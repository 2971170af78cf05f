// Hold model of an event queue on std::priority_queue: takes the first event, adds one. Same delays as bench/kernel.ts.
// Arguments: file of int32 delays, pending events, operations. Prints seconds and a checksum of the order.
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <queue>
#include <vector>

struct Event {
  int64_t cycle;
  int64_t sequence;
  int32_t handler;
  int32_t arg;
};
struct Later {
  bool operator()(const Event& a, const Event& b) const {
    return a.cycle != b.cycle ? a.cycle > b.cycle : a.sequence > b.sequence;
  }
};

int main(int argc, char** argv) {
  if (argc != 4) return 2;
  FILE* file = std::fopen(argv[1], "rb");
  if (file == nullptr) return 2;
  std::vector<int32_t> delays(1 << 16);
  if (std::fread(delays.data(), 4, delays.size(), file) != delays.size()) return 2;
  std::fclose(file);
  const int pending = std::atoi(argv[2]);
  const int operations = std::atoi(argv[3]);

  std::priority_queue<Event, std::vector<Event>, Later> queue;
  int64_t sequence = 0;
  int32_t draw = 0;
  const auto from = std::chrono::steady_clock::now();
  for (int32_t i = 0; i < pending; i++) queue.push({delays[draw++ & 0xffff], sequence++, 0, i});
  uint32_t sum = 0;
  int done = 0;
  while (!queue.empty()) {
    const Event event = queue.top();
    queue.pop();
    sum = sum * 31 + static_cast<uint32_t>(event.arg);
    if (done++ < operations) queue.push({event.cycle + delays[draw++ & 0xffff], sequence++, 0, event.arg});
  }
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - from).count();
  std::printf("%.9f %u\n", seconds, sum);
}
