"""
The same three training steps in PyTorch. Reads "net steps" a line, answers the milliseconds of each step. Arguments: the
threads, the variant (float32, channels-last or bfloat16), and the clock (wall or processor).
"""
import sys
import time
import torch
from torch import nn
from torch.nn import functional as F

threads, variant, clock = sys.argv[1:4]
torch.set_num_threads(int(threads))
now = time.process_time if clock == "processor" else time.perf_counter
channels_last = variant == "channels-last"
torch.manual_seed(1)


def laid_out(x):
    return x.to(memory_format=torch.channels_last) if channels_last else x


def conv_net():
    layers = []
    for inputs, outputs, stride in [(3, 32, 1), (32, 32, 1), (32, 32, 1), (32, 64, 2), (64, 64, 1), (64, 128, 2), (128, 128, 1)]:
        layers += [nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()]
    net = laid_out(nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(128, 10)))
    x, labels = laid_out(torch.randn(64, 3, 32, 32)), torch.arange(64) % 10
    optimizer = torch.optim.SGD(net.parameters(), 0.05, momentum=0.9)
    return optimizer, lambda: F.cross_entropy(net(x), labels)


def separable(c, kernel, dilation):
    pad = (kernel - 1) * dilation // 2
    return nn.Sequential(
        nn.ReLU(),
        nn.Conv2d(c, c, kernel, 1, pad, dilation, groups=c, bias=False),
        nn.Conv2d(c, c, 1, bias=False),
        nn.BatchNorm2d(c, affine=False),
    )


class Mixed(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.operations = nn.ModuleList([
            nn.Sequential(separable(c, 3, 1), separable(c, 3, 1)),
            nn.Sequential(separable(c, 5, 1), separable(c, 5, 1)),
            separable(c, 3, 2),
            separable(c, 5, 2),
            nn.Sequential(nn.MaxPool2d(3, 1, 1), nn.BatchNorm2d(c, affine=False)),
            nn.Sequential(nn.AvgPool2d(3, 1, 1, count_include_pad=False), nn.BatchNorm2d(c, affine=False)),
        ])
        self.alpha = nn.Parameter(torch.zeros(7))

    def forward(self, x):
        weights = self.alpha.softmax(0)
        return sum(w * y for w, y in zip(weights, [x] + [operation(x) for operation in self.operations]))


class Cell(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.a, self.b, self.c = Mixed(c), Mixed(c), Mixed(c)

    def forward(self, x):
        return self.b(x) + self.c(self.a(x))


def supernet():
    net = laid_out(nn.Sequential(
        nn.Conv2d(3, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU(), Cell(16),
        nn.Conv2d(16, 32, 3, 2, 1, bias=False), nn.BatchNorm2d(32), nn.ReLU(), Cell(32),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(32, 10),
    ))
    x, labels = laid_out(torch.randn(32, 3, 32, 32)), torch.arange(32) % 10
    optimizer = torch.optim.SGD(net.parameters(), 0.025, momentum=0.9, weight_decay=3e-4)
    return optimizer, lambda: F.cross_entropy(net(x), labels)


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(32, 32, 3, 1, 1), nn.ReLU(), nn.Conv2d(32, 32, 3, 1, 1))

    def forward(self, x):
        return x + self.body(x)


def super_resolution():
    net = laid_out(nn.Sequential(nn.Conv2d(3, 32, 3, 1, 1), *[Block() for _ in range(4)], nn.Conv2d(32, 12, 3, 1, 1), nn.PixelShuffle(2)))
    x, target = laid_out(torch.randn(16, 3, 32, 32)), torch.randn(16, 3, 64, 64)
    optimizer = torch.optim.Adam(net.parameters(), 1e-4)
    return optimizer, lambda: F.l1_loss(net(x), target)


nets = {"conv-net": conv_net, "darts-supernet": supernet, "super-resolution": super_resolution}
made = {}
if variant == "bfloat16" and not torch.ops.mkldnn._is_mkldnn_bf16_supported():
    sys.exit("PyTorch has no fast bfloat16 on this processor, so it is left out")
print("version " + torch.__version__, flush=True)
for line in sys.stdin:
    name, steps = line.split()
    if name not in made:
        made[name] = nets[name]()
    optimizer, loss = made[name]
    times = []
    for _ in range(int(steps)):
        start = now()
        optimizer.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=variant == "bfloat16"):
            value = loss()
        value.backward()
        optimizer.step()
        value.item()
        times.append((now() - start) * 1e3)
    print(" ".join(f"{t:.3f}" for t in times), flush=True)
