// tfjs-core's packages for Node leave its gradient table out; the layers package carries it.
import '@tensorflow/tfjs-layers'
